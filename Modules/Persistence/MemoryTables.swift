import Core

/// The rows of an ``InMemoryStore`` and the rules they follow.
struct MemoryTables {
    private let capacity: Int
    private let now: @Sendable () -> Timestamp
    private var conversations: [ConversationID: Conversation] = [:]
    /// The conversations of each user, the last used at the end.
    private var order: [UserID: [ConversationID]] = [:]
    /// The messages of each conversation in their order.
    private var threads: [ConversationID: [MessageID]] = [:]
    private var messages: [MessageID: Message] = [:]
    private var streams: [StreamID: MessageID] = [:]
    private var keys: [Key: KeyRow] = [:]

    private struct Key: Hashable {
        var owner: UserID
        var text: String
    }

    private struct KeyRow {
        var subject: NewTurn.Subject
        var turn: TurnReference
        var expires: Timestamp
    }

    init(capacity: Int, now: @escaping @Sendable () -> Timestamp) {
        self.capacity = capacity
        self.now = now
    }

    private func requireRoom() throws(StoreError) {
        guard messages.count + conversations.count < capacity else { throw .full }
    }

    // MARK: Conversations

    mutating func insert(_ conversation: Conversation) throws(StoreError) {
        try requireRoom()
        conversations[conversation.id] = conversation
        order[conversation.owner, default: []].append(conversation.id)
    }

    func conversation(_ id: ConversationID, _ owner: UserID) throws(StoreError) -> Conversation {
        guard let conversation = conversations[id], conversation.owner == owner else { throw .notFound }
        return conversation
    }

    func conversations(_ owner: UserID, _ cursor: String?, _ limit: Int) -> Page<Conversation> {
        let ids = order[owner] ?? []
        // The cursor names the last of the page before; when it has moved or gone, the list starts anew.
        let end = cursor.flatMap { ConversationID($0) }.flatMap { ids.lastIndex(of: $0) } ?? ids.count
        let page = ids[max(0, end - limit)..<end]
        let items = page.reversed().compactMap { conversations[$0] }
        return Page(items: items, next: page.startIndex > 0 ? page.first?.text : nil)
    }

    mutating func rename(
        _ id: ConversationID, _ title: String, _ owner: UserID
    ) throws(StoreError) -> Conversation {
        var conversation = try conversation(id, owner)
        conversation.title = title
        conversation.updatedAt = now()
        conversations[id] = conversation
        touch(id, owner)
        return conversation
    }

    mutating func delete(_ id: ConversationID, _ owner: UserID) throws(StoreError) {
        _ = try conversation(id, owner)
        conversations[id] = nil
        order[owner]?.removeAll { $0 == id }
        for message in threads.removeValue(forKey: id) ?? [] {
            if let stream = messages.removeValue(forKey: message)?.stream { streams[stream] = nil }
        }
        keys = keys.filter { $0.value.turn.conversation != id }
    }

    /// Moves a conversation to the end of its user's list.
    private mutating func touch(_ id: ConversationID, _ owner: UserID) {
        guard order[owner]?.last != id else { return }
        order[owner]?.removeAll { $0 == id }
        order[owner, default: []].append(id)
    }

    // MARK: Turns

    mutating func begin(_ turn: NewTurn) throws(StoreError) -> BegunTurn {
        let time = now()
        let key = turn.key.map { Key(owner: turn.owner, text: $0) }
        if let key, let row = keys[key], row.expires > time {
            guard row.subject == turn.subject else { throw .conflict }
            return BegunTurn(
                turn: row.turn, isNew: false, question: try message(row.turn.userMessage, turn.owner),
                answer: try message(row.turn.assistantMessage, turn.owner))
        }
        try requireRoom()
        var question: Message
        var retried: MessageID?
        switch turn.subject {
        case .newConversation(let kind, let title, let text):
            let conversation = Conversation(owner: turn.owner, kind: kind, title: title, createdAt: time)
            try insert(conversation)
            question = Message(
                conversation: conversation.id, owner: turn.owner, role: .user, text: text, state: .final,
                createdAt: time)
            append(&question)
        case .message(let id, let text):
            _ = try conversation(id, turn.owner)
            question = Message(
                conversation: id, owner: turn.owner, role: .user, text: text, state: .final, createdAt: time)
            append(&question)
        case .retry(let stream):
            let old = try answer(stream, turn.owner)
            guard let replyTo = old.replyTo else { throw .notFound }
            question = try message(replyTo, turn.owner)
            retried = old.id
        }
        var answer = Message(
            conversation: question.conversation, owner: turn.owner, role: .assistant, text: "", state: .streaming,
            createdAt: time)
        answer.stream = StreamID()
        answer.replyTo = question.id
        answer.retryOf = retried
        append(&answer)
        conversations[question.conversation]?.updatedAt = time
        touch(question.conversation, turn.owner)
        let reference = TurnReference(
            conversation: question.conversation, userMessage: question.id, assistantMessage: answer.id,
            stream: answer.stream ?? StreamID())
        if let key { remember(key, turn, reference, time) }
        return BegunTurn(turn: reference, isNew: true, question: question, answer: answer)
    }

    private mutating func remember(_ key: Key, _ turn: NewTurn, _ reference: TurnReference, _ time: Timestamp) {
        if keys.count >= capacity { keys = keys.filter { $0.value.expires > time } }
        let milliseconds = turn.keyRetention.components.seconds * 1000
        keys[key] = KeyRow(
            subject: turn.subject, turn: reference,
            expires: Timestamp(milliseconds: time.milliseconds + milliseconds))
    }

    private mutating func append(_ message: inout Message) {
        let thread = threads[message.conversation, default: []]
        message.sequence = thread.count + 1
        threads[message.conversation, default: []].append(message.id)
        messages[message.id] = message
        if let stream = message.stream { streams[stream] = message.id }
    }

    // MARK: Messages

    mutating func save(_ message: Message) throws(StoreError) {
        _ = try conversation(message.conversation, message.owner)
        guard let stored = messages[message.id] else {
            try requireRoom()
            var message = message
            append(&message)
            return
        }
        guard stored.owner == message.owner, stored.version < message.version else { return }
        messages[message.id] = message
        messages[message.id]?.sequence = stored.sequence
    }

    func message(_ id: MessageID, _ owner: UserID) throws(StoreError) -> Message {
        guard let message = messages[id], message.owner == owner else { throw .notFound }
        return message
    }

    func answer(_ stream: StreamID, _ owner: UserID) throws(StoreError) -> Message {
        guard let id = streams[stream] else { throw .notFound }
        return try message(id, owner)
    }

    func messages(
        _ id: ConversationID, _ owner: UserID, _ cursor: String?, _ limit: Int
    ) throws(StoreError) -> Page<Message> {
        _ = try conversation(id, owner)
        let thread = threads[id] ?? []
        let start = min(max(cursor.flatMap { Int($0) } ?? 0, 0), thread.count)
        let end = min(start + limit, thread.count)
        return Page(
            items: thread[start..<end].compactMap { messages[$0] }, next: end < thread.count ? String(end) : nil)
    }

    func history(
        _ id: ConversationID, _ owner: UserID, _ sequence: Int, _ limit: Int
    ) throws(StoreError) -> [Message] {
        _ = try conversation(id, owner)
        let thread = (threads[id] ?? []).prefix(max(sequence - 1, 0))
        let superseded = Set((threads[id] ?? []).compactMap { messages[$0]?.retryOf })
        var room = limit
        var found: [Message] = []
        for id in thread.reversed() where !superseded.contains(id) {
            guard let message = messages[id] else { continue }
            room -= message.text.utf8.count
            found.append(message)
            if room < 0 { break }
        }
        return found
    }
}
