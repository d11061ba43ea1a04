import Core

/// The rows of an ``InMemoryStore`` and the ways to them; each `mutating` function has all its effect or none.
struct Tables: Sendable {
    private let limits: InMemoryStore.Limits
    private var threads: [ConversationID: Thread] = [:]
    private var lists = ConversationLists()
    private var places: [MessageID: Place] = [:]
    private var streams: [StreamID: MessageID] = [:]
    private var keys: [OwnedKey: KeyRow] = [:]
    private var bytes = 0
    /// What is not part of a conversation.
    var records = Records()
    /// Each at the index below its place.
    private(set) var deletions: [Deletion] = []

    init(_ limits: InMemoryStore.Limits) { self.limits = limits }

    /// Where a message lies: its sequence is one more than the index.
    private struct Place {
        var conversation: ConversationID
        var index: Int
    }

    private struct KeyRow {
        var subject: NewTurn.Subject
        var turn: TurnReference
        var end: Timestamp
    }
}

/// An idempotency key as it is unique: two users may use the same text.
struct OwnedKey: Sendable, Hashable {
    var owner: UserID
    var text: String
}

// MARK: Conversations

extension Tables {
    mutating func insert(_ conversation: Conversation) throws(StoreError) {
        guard threads[conversation.id] == nil else {
            _ = try thread(conversation.id, conversation.owner)
            return
        }
        guard threads.count < limits.conversations else { throw .full }
        threads[conversation.id] = Thread(conversation)
        use(conversation.id, at: conversation.createdAt)
    }

    func thread(_ id: ConversationID, _ owner: UserID) throws(StoreError) -> Thread {
        guard let thread = threads[id], thread.conversation.owner == owner else { throw .notFound }
        return thread
    }

    /// Those who have a conversation.
    var owners: Set<UserID> { lists.owners }

    func threads(of owner: UserID) -> [Thread] { lists.places(of: owner).compactMap(thread(at:)) }

    private func thread(at place: ListPlace) -> Thread? { ConversationID(place.id).flatMap { threads[$0] } }

    func conversations(of owner: UserID, after cursor: ListPlace?, limit: Int) -> Page<Conversation> {
        let page = lists.page(of: owner, after: cursor, limit: limit)
        return Page(items: page.items.compactMap { thread(at: $0)?.conversation }, next: page.next)
    }

    mutating func rename(
        _ id: ConversationID, to title: String, of owner: UserID, at time: Timestamp
    ) throws(StoreError) -> Conversation {
        _ = try thread(id, owner)
        threads[id]?.conversation.rename(title)
        use(id, at: time)
        return try thread(id, owner).conversation
    }

    mutating func describe(
        _ id: ConversationID, title: String?, summary: String, of owner: UserID
    ) throws(StoreError) -> Conversation {
        _ = try thread(id, owner)
        threads[id]?.conversation.describe(title: title, summary: summary)
        return try thread(id, owner).conversation
    }

    mutating func delete(_ id: ConversationID, of owner: UserID) throws(StoreError) -> [StreamID] {
        let thread = try thread(id, owner)
        for message in thread.messages {
            places[message.id] = nil
            if let stream = message.stream { streams[stream] = nil }
            bytes -= message.bytes
        }
        for key in thread.keys { keys[key] = nil }
        lists.remove(thread.conversation)
        threads[id] = nil
        return thread.messages.compactMap(\.stream)
    }

    private mutating func use(_ id: ConversationID, at time: Timestamp) {
        guard var conversation = threads[id]?.conversation else { return }
        lists.use(&conversation, at: time)
        threads[id]?.conversation = conversation
    }
}

// MARK: Messages

extension Tables {
    func message(_ id: MessageID, _ owner: UserID) throws(StoreError) -> Message {
        guard let place = places[id] else { throw .notFound }
        return try thread(place.conversation, owner).messages[place.index]
    }

    func answer(of stream: StreamID, _ owner: UserID) throws(StoreError) -> Message {
        guard let id = streams[stream] else { throw .notFound }
        return try message(id, owner)
    }

    mutating func save(_ message: Message, at time: Timestamp) throws(StoreError) -> Bool {
        guard let place = places[message.id] else {
            _ = try thread(message.conversation, message.owner)
            if let id = message.replyTo { try check(id, in: message) { $0.isQuestion } }
            if let id = message.retryOf { try check(id, in: message) { $0.role == .assistant } }
            if let stream = message.stream { try checkFree(stream, for: message.owner) }
            try checkRoom(messages: 1, bytes: message.bytes)
            append(message)
            use(message.conversation, at: time)
            return true
        }
        let stored = try self.message(message.id, message.owner)
        guard stored.conversation == message.conversation, stored.role == message.role else {
            throw .conflict(.identifier)
        }
        if let stream = message.stream, stream != stored.stream {
            guard stored.stream == nil else { throw .conflict(.identifier) }
            try checkFree(stream, for: message.owner)
        }
        guard stored.version < message.version else { return false }
        let growth = message.bytes - stored.bytes
        if growth > 0 { try checkRoom(messages: 0, bytes: growth) }
        bytes += growth
        if let stream = message.stream { streams[stream] = message.id }
        threads[place.conversation]?.messages[place.index].update(to: message)
        return true
    }

    private func check(_ id: MessageID, in newer: Message, _ isFit: (Message) -> Bool) throws(StoreError) {
        let message = try message(id, newer.owner)
        guard message.conversation == newer.conversation, isFit(message) else { throw .notFound }
    }

    /// Throws when a message has this id; that is a conflict only to the one who may know of that message.
    private func checkFree(_ id: MessageID, for owner: UserID) throws(StoreError) {
        guard places[id] != nil else { return }
        _ = try message(id, owner)
        throw .conflict(.identifier)
    }

    private func checkFree(_ stream: StreamID, for owner: UserID) throws(StoreError) {
        guard let id = streams[stream] else { return }
        try checkFree(id, for: owner)
    }

    /// Whether a new conversation, or a turn without any text, would be refused.
    var isFull: Bool {
        threads.count >= limits.conversations || places.count + 2 > limits.messages || bytes >= limits.bytes
    }

    private func checkRoom(messages: Int, bytes: Int) throws(StoreError) {
        guard places.count + messages <= limits.messages, self.bytes + bytes <= limits.bytes else { throw .full }
    }

    /// Puts a checked message at the end of its conversation.
    private mutating func append(_ message: Message) {
        guard let stored = threads[message.conversation]?.append(message) else { return }
        places[stored.id] = Place(conversation: stored.conversation, index: stored.sequence - 1)
        if let stream = stored.stream { streams[stream] = stored.id }
        bytes += stored.bytes
    }
}

// MARK: Care

extension Tables {
    mutating func purge(_ policy: RetentionPolicy, at now: Timestamp) -> PurgeCounts {
        var counts = PurgeCounts()
        if let age = policy.conversations {
            for thread in threads.values where thread.conversation.updatedAt + age < now {
                guard (try? delete(thread.conversation.id, of: thread.conversation.owner)) != nil else { continue }
                counts.conversations += 1
                counts.messages += thread.messages.count
            }
        }
        for (key, row) in keys where row.end <= now {
            keys[key] = nil
            threads[row.turn.conversation]?.keys.remove(key)
            counts.keys += 1
        }
        if let age = policy.cases { records.purge(olderThan: age, at: now, into: &counts) }
        return counts
    }

    mutating func deleteUser(_ id: UserID, at time: Timestamp) -> DeletionReceipt {
        let own = threads(of: id)
        var rows = ["conversation": own.count]
        for thread in own {
            rows["message", default: 0] += thread.messages.count
            rows["idempotency_key", default: 0] += thread.keys.count
            _ = try? delete(thread.conversation.id, of: id)
        }
        let receipt = DeletionReceipt(
            user: id, at: time, rows: rows.merging(records.deleteUser(id)) { $0 + $1 })
        if !receipt.rows.isEmpty { deletions.append(Deletion(place: deletions.count + 1, receipt)) }
        return receipt
    }

    /// Rows by table, and the bytes that count.
    var statistics: StoreStatistics {
        let rows = ["conversation": threads.count, "message": places.count, "idempotency_key": keys.count]
        return StoreStatistics(rows: rows.merging(records.rows) { $0 + $1 }, bytes: bytes)
    }
}

// MARK: Turns

extension Tables {
    mutating func begin(_ turn: NewTurn, at time: Timestamp) throws(StoreError) -> BegunTurn {
        let key = turn.key.map { OwnedKey(owner: turn.owner, text: $0) }
        if let key, let row = keys[key], time < row.end {
            guard row.subject == turn.subject else { throw .conflict(.key) }
            return try begun(row.turn, turn.owner, isNew: false)
        }
        if let stored = try? message(turn.names.assistantMessage, turn.owner), stored.stream == turn.names.stream {
            return try begun(stored, isNew: false)
        }

        let question = try question(of: turn, at: turn.begunAt ?? time)
        let answer = try answer(to: question, of: turn, at: turn.begunAt ?? time)
        let isAsked = answer.retryOf == nil
        let isNew = threads[question.conversation] == nil
        try checkRoom(messages: isAsked ? 2 : 1, bytes: isAsked ? question.bytes : 0)
        if isNew, case .newConversation(let kind, let title, _) = turn.subject {
            try insert(
                Conversation(
                    id: question.conversation, owner: turn.owner, kind: kind, title: title,
                    createdAt: question.createdAt))
        } else {
            use(question.conversation, at: time)
        }
        if isAsked { append(question) }
        append(answer)
        let begun = try begun(answer, isNew: true)
        if let key { remember(key, turn, begun.turn, at: time) }
        return begun
    }

    private func begun(_ answer: Message, isNew: Bool) throws(StoreError) -> BegunTurn {
        guard let question = answer.replyTo, let stream = answer.stream else { throw .conflict(.identifier) }
        let turn = TurnReference(
            conversation: answer.conversation, userMessage: question, assistantMessage: answer.id, stream: stream)
        return try begun(turn, answer.owner, isNew: isNew)
    }

    private func begun(_ turn: TurnReference, _ owner: UserID, isNew: Bool) throws(StoreError) -> BegunTurn {
        BegunTurn(
            turn: turn, isNew: isNew, question: try message(turn.userMessage, owner),
            answer: try message(turn.assistantMessage, owner))
    }

    mutating func release(_ key: OwnedKey, from turn: TurnReference) {
        guard keys[key]?.turn == turn else { return }
        keys[key] = nil
        threads[turn.conversation]?.keys.remove(key)
    }

    /// The message to answer: a new one, or the stored one that the retried answer answered.
    private func question(of turn: NewTurn, at time: Timestamp) throws(StoreError) -> Message {
        let conversation: ConversationID
        let text: String
        switch turn.subject {
        case .newConversation(_, _, let first):
            conversation = turn.names.conversation
            text = first
            guard threads[conversation] == nil else {
                _ = try thread(conversation, turn.owner)
                throw .conflict(.identifier)
            }
        case .message(let id, let next):
            conversation = try thread(id, turn.owner).conversation.id
            text = next
        case .retry(let stream):
            let old = try answer(of: stream, turn.owner)
            guard let question = old.replyTo else { throw .notFound }
            guard old.state == .final else { throw .conflict(.stillStreaming) }
            return try message(question, turn.owner)
        }
        try checkFree(turn.names.userMessage, for: turn.owner)
        return turn.question(text, in: conversation, at: time)
    }

    private func answer(to question: Message, of turn: NewTurn, at time: Timestamp) throws(StoreError) -> Message {
        let retried: MessageID? =
            if case .retry(let stream) = turn.subject { try answer(of: stream, turn.owner).id } else { nil }
        guard turn.names.assistantMessage != question.id else { throw .conflict(.identifier) }
        try checkFree(turn.names.assistantMessage, for: turn.owner)
        try checkFree(turn.names.stream, for: turn.owner)
        return turn.answer(to: question, retrying: retried, at: time)
    }

    private mutating func remember(_ key: OwnedKey, _ turn: NewTurn, _ reference: TurnReference, at time: Timestamp) {
        if let forgotten = keys[key] { threads[forgotten.turn.conversation]?.keys.remove(key) }
        keys[key] = KeyRow(subject: turn.subject, turn: reference, end: time + turn.keyRetention)
        threads[reference.conversation]?.keys.insert(key)
    }
}
