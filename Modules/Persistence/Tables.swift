import Core

/// The rows of an ``InMemoryStore`` and the ways to them; each `mutating` function has all its effect or none.
struct Tables: Sendable {
    private let limits: InMemoryStore.Limits
    private var threads: [ConversationID: Thread] = [:]
    /// Of each owner the places of the conversations in the list, oldest first, so that news go to the end.
    private var lists: [UserID: [ConversationCursor]] = [:]
    private(set) var places: [MessageID: Place] = [:]
    private var streams: [StreamID: MessageID] = [:]
    private var keys: [OwnedKey: KeyRecord] = [:]
    private var bytes = 0

    init(_ limits: InMemoryStore.Limits) { self.limits = limits }

    /// Where a message lies: its sequence is one more than the index.
    struct Place: Sendable {
        var conversation: ConversationID
        var index: Int
    }

    private struct KeyRecord {
        var fingerprint: String
        var turn: TurnReference
        var end: Timestamp
    }

    // MARK: Conversations

    mutating func create(_ conversation: Conversation) throws(StoreError) -> Conversation {
        if threads[conversation.id] != nil { return try owned(conversation.id, conversation.owner).conversation }
        guard threads.count < limits.conversations else { throw .full }
        let thread = Thread(conversation)
        threads[conversation.id] = thread
        insert(ConversationCursor(conversation), of: conversation.owner)
        return thread.conversation
    }

    func thread(_ id: ConversationID, _ owner: UserID) -> Thread? {
        guard let thread = threads[id], thread.conversation.owner == owner else { return nil }
        return thread
    }

    func owned(_ id: ConversationID, _ owner: UserID) throws(StoreError) -> Thread {
        guard let thread = thread(id, owner) else { throw .notFound }
        return thread
    }

    func conversations(of owner: UserID, after cursor: ConversationCursor?, limit: Int) -> ConversationPage {
        let list = lists[owner] ?? []
        let end = cursor.map(list.position) ?? list.count
        let start = max(0, end - limit.asPageLimit)
        let page = list[start..<end].reversed().compactMap { threads[$0.id]?.conversation }
        return ConversationPage(page, next: start > 0 ? page.last.map(ConversationCursor.init) : nil)
    }

    mutating func rename(_ id: ConversationID, to title: String, owner: UserID) throws(StoreError) -> Conversation {
        var conversation = try owned(id, owner).conversation
        conversation.rename(title)
        threads[id]?.conversation = conversation
        return conversation
    }

    mutating func delete(_ id: ConversationID, owner: UserID) throws(StoreError) {
        let thread = try owned(id, owner)
        for message in thread.messages {
            places[message.id] = nil
            if let stream = message.stream { streams[stream] = nil }
            bytes -= message.bytes
        }
        for key in thread.keys { keys[key] = nil }
        remove(ConversationCursor(thread.conversation), of: owner)
        threads[id] = nil
    }

    private mutating func insert(_ place: ConversationCursor, of owner: UserID) {
        let position = lists[owner]?.position(of: place) ?? 0
        lists[owner, default: []].insert(place, at: position)
    }

    private mutating func remove(_ place: ConversationCursor, of owner: UserID) {
        if let position = lists[owner]?.position(of: place) { lists[owner]?.remove(at: position) }
        if lists[owner]?.isEmpty == true { lists[owner] = nil }
    }

    // MARK: Messages

    func message(_ id: MessageID, _ owner: UserID) -> Message? {
        guard let place = places[id] else { return nil }
        return thread(place.conversation, owner)?.messages[place.index]
    }

    func message(of stream: StreamID, _ owner: UserID) -> Message? { streams[stream].flatMap { message($0, owner) } }

    mutating func save(_ message: Message) throws(StoreError) -> Bool {
        guard let place = places[message.id] else {
            guard thread(message.conversation, message.owner) != nil else { throw .notFound }
            try check(message.replyTo, in: message.conversation) { $0.isQuestion }
            try check(message.retryOf, in: message.conversation) { $0.role == .assistant }
            try checkFree(message.stream, for: message.owner)
            try checkRoom(messages: 1, bytes: message.bytes)
            append(message)
            return true
        }
        let stored = try owned(place.conversation, message.owner).messages[place.index]
        guard stored.conversation == message.conversation, stored.role == message.role else {
            throw .conflict(.identifier)
        }
        if stored.stream == nil {
            try checkFree(message.stream, for: message.owner)
        } else if let stream = message.stream, stream != stored.stream {
            throw .conflict(.identifier)
        }
        guard stored.version < message.version else { return false }
        let growth = message.bytes - stored.bytes
        if growth > 0 { try checkRoom(messages: 0, bytes: growth) }
        bytes += growth
        if let stream = message.stream { streams[stream] = message.id }
        threads[place.conversation]?.messages[place.index].update(to: message)
        return true
    }

    private func check(
        _ id: MessageID?, in conversation: ConversationID, _ isFit: (Message) -> Bool
    ) throws(StoreError) {
        guard let id else { return }
        guard let place = places[id], place.conversation == conversation,
            let message = threads[conversation]?.messages[place.index], isFit(message)
        else { throw .notFound }
    }

    /// Throws when a message has this stream; it is a conflict only for the one who may know of that message.
    private func checkFree(_ stream: StreamID?, for owner: UserID) throws(StoreError) {
        guard let stream, let holder = streams[stream] else { return }
        throw message(holder, owner) == nil ? .notFound : .conflict(.identifier)
    }

    private func checkFree(_ id: MessageID, for owner: UserID) throws(StoreError) {
        guard places[id] != nil else { return }
        throw message(id, owner) == nil ? .notFound : .conflict(.identifier)
    }

    private func checkRoom(messages: Int, bytes: Int) throws(StoreError) {
        guard places.count + messages <= limits.messages, self.bytes + bytes <= limits.bytes else { throw .full }
    }

    /// Puts a checked message at the end of its conversation, and the conversation where its news belong in the list.
    private mutating func append(_ message: Message) {
        guard let index = threads[message.conversation]?.append(message) else { return }
        places[message.id] = Place(conversation: message.conversation, index: index)
        if let stream = message.stream { streams[stream] = message.id }
        bytes += message.bytes
        guard let conversation = threads[message.conversation]?.conversation,
            conversation.updatedAt < message.createdAt
        else { return }
        remove(ConversationCursor(conversation), of: message.owner)
        threads[message.conversation]?.conversation.updatedAt = message.createdAt
        insert(ConversationCursor(updatedAt: message.createdAt, id: conversation.id), of: message.owner)
    }

    // MARK: Turns

    mutating func begin(_ turn: NewTurn) throws(StoreError) -> BegunTurn {
        let key = turn.key.map { OwnedKey(owner: turn.owner, text: $0.text) }
        if let key, let record = keys[key], turn.time < record.end {
            guard record.fingerprint == turn.key?.fingerprint else { throw .conflict(.idempotencyKey) }
            return .existing(record.turn)
        }
        if let begun = begun(turn) { return .existing(begun) }

        let conversation = try self.conversation(for: turn)
        let isNew = threads[conversation.id] == nil
        let question = try question(of: turn, in: conversation.id)
        let answer = answer(to: question, of: turn)
        guard answer.id != question.id else { throw .conflict(.identifier) }
        try checkFree(answer.id, for: turn.owner)
        try checkFree(answer.stream, for: turn.owner)
        let isAsked = answer.retryOf == nil
        if isNew, threads.count >= limits.conversations { throw .full }
        try checkRoom(messages: isAsked ? 2 : 1, bytes: isAsked ? question.bytes : 0)

        if isNew { _ = try create(conversation) }
        if isAsked { append(question) }
        append(answer)
        let reference = TurnReference(
            conversation: conversation.id, userMessage: question.id, assistantMessage: answer.id, stream: turn.stream)
        if let key, let request = turn.key { remember(key, request, reference, from: turn.time) }
        return .started(
            question: message(question.id, turn.owner) ?? question, answer: message(answer.id, turn.owner) ?? answer)
    }

    /// The turn of exactly these ids, when it was begun before.
    private func begun(_ turn: NewTurn) -> TurnReference? {
        guard let answer = message(turn.answer, turn.owner), answer.stream == turn.stream,
            let question = answer.replyTo
        else { return nil }
        switch turn.question {
        case .message(let id, _): guard id == question, answer.retryOf == nil else { return nil }
        case .retry(let retried): guard retried == answer.retryOf else { return nil }
        }
        return TurnReference(
            conversation: answer.conversation, userMessage: question, assistantMessage: answer.id, stream: turn.stream)
    }

    /// The conversation a turn belongs to, which is not stored yet when the turn brings it.
    private func conversation(for turn: NewTurn) throws(StoreError) -> Conversation {
        switch turn.place {
        case .existing(let id): return try owned(id, turn.owner).conversation
        case .new(let id, let kind, let title):
            if threads[id] != nil { return try owned(id, turn.owner).conversation }
            return Conversation(id: id, owner: turn.owner, kind: kind, title: title, createdAt: turn.time)
        }
    }

    /// The message to answer: the new one, or the stored one that the retried answer answered.
    private func question(of turn: NewTurn, in conversation: ConversationID) throws(StoreError) -> Message {
        switch turn.question {
        case .message(let id, let text):
            try checkFree(id, for: turn.owner)
            return Message(
                id: id, conversation: conversation, owner: turn.owner, role: .user, text: text, createdAt: turn.time)
        case .retry(let id):
            guard let answer = message(id, turn.owner), answer.conversation == conversation,
                let asked = answer.replyTo, let question = message(asked, turn.owner)
            else { throw .notFound }
            guard answer.state == .final else { throw .conflict(.stillStreaming) }
            return question
        }
    }

    private func answer(to question: Message, of turn: NewTurn) -> Message {
        let retried: MessageID? = if case .retry(let id) = turn.question { id } else { nil }
        return Message(
            id: turn.answer, conversation: question.conversation, owner: turn.owner, role: .assistant,
            state: .streaming, stream: turn.stream, replyTo: question.id, retryOf: retried, createdAt: turn.time)
    }

    private mutating func remember(
        _ key: OwnedKey, _ request: IdempotencyKey, _ turn: TurnReference, from time: Timestamp
    ) {
        if let forgotten = keys[key] { threads[forgotten.turn.conversation]?.keys.remove(key) }
        keys[key] = KeyRecord(fingerprint: request.fingerprint, turn: turn, end: time + request.retention)
        threads[turn.conversation]?.keys.insert(key)
    }
}

/// An idempotency key as it is unique: two users may use the same text.
struct OwnedKey: Sendable, Hashable {
    var owner: UserID
    var text: String
}

extension Int {
    /// This number as the length of a page.
    var asPageLimit: Int { Swift.min(Swift.max(1, self), pageLimit) }
}

extension [ConversationCursor] {
    /// The index of the first element that is not below the given place.
    fileprivate func position(of place: ConversationCursor) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < place { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
