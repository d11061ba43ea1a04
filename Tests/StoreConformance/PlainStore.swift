package import Core
package import Persistence

/// What a store is to do, said as plainly as possible: lists that are filtered and sorted anew for each question.
package struct PlainStore {
    package private(set) var conversations: [Conversation] = []
    /// In the order they were stored in.
    package private(set) var messages: [Message] = []
    private var keys: [(owner: UserID, text: String, subject: NewTurn.Subject, turn: TurnReference, end: Timestamp)] =
        []

    package init() {}

    package func conversation(_ id: ConversationID, _ owner: UserID) throws(Refusal) -> Conversation {
        guard let found = conversations.first(where: { $0.id == id && $0.owner == owner }) else { throw .notFound }
        return found
    }

    package func list(_ owner: UserID) -> [Conversation] {
        conversations.filter { $0.owner == owner }.sorted { $0.updatedAt > $1.updatedAt }
    }

    package mutating func insert(_ conversation: Conversation) throws(Refusal) {
        if conversations.contains(where: { $0.id == conversation.id }) {
            _ = try self.conversation(conversation.id, conversation.owner)
            return
        }
        let newest = list(conversation.owner).first
        conversations.append(conversation)
        use(conversation.id, conversation.createdAt, after: newest)
    }

    package mutating func rename(
        _ id: ConversationID, _ title: String, _ owner: UserID, _ now: Timestamp
    ) throws(Refusal) -> Conversation {
        _ = try conversation(id, owner)
        for index in conversations.indices where conversations[index].id == id { conversations[index].rename(title) }
        use(id, now, after: list(owner).first)
        return try conversation(id, owner)
    }

    package mutating func describe(
        _ id: ConversationID, _ title: String?, _ summary: String, _ owner: UserID
    ) throws(Refusal) -> Conversation {
        _ = try conversation(id, owner)
        for index in conversations.indices where conversations[index].id == id {
            conversations[index].describe(title: title, summary: summary)
        }
        return try conversation(id, owner)
    }

    package mutating func delete(_ id: ConversationID, _ owner: UserID) throws(Refusal) {
        _ = try conversation(id, owner)
        conversations.removeAll { $0.id == id }
        messages.removeAll { $0.conversation == id }
        keys.removeAll { $0.turn.conversation == id }
    }

    private mutating func use(_ id: ConversationID, _ now: Timestamp, after newest: Conversation?) {
        let next = newest.map { Timestamp(milliseconds: $0.updatedAt.milliseconds + 1) }
        for index in conversations.indices where conversations[index].id == id {
            conversations[index].updatedAt = max(now, next ?? now)
        }
    }

    // MARK: Messages

    package func message(_ id: MessageID, _ owner: UserID) throws(Refusal) -> Message {
        guard let found = messages.first(where: { $0.id == id && $0.owner == owner }) else { throw .notFound }
        return found
    }

    package func answer(_ stream: StreamID, _ owner: UserID) throws(Refusal) -> Message {
        guard let found = messages.first(where: { $0.stream == stream && $0.owner == owner }) else { throw .notFound }
        return found
    }

    package func thread(_ id: ConversationID, _ owner: UserID) throws(Refusal) -> [Message] {
        _ = try conversation(id, owner)
        return messages.filter { $0.conversation == id }
    }

    package func history(
        _ id: ConversationID, _ owner: UserID, before sequence: Int, limit: Int
    ) throws(Refusal) -> [Message] {
        let thread = try thread(id, owner)
        let said = thread.filter { $0.replyTo == nil && $0.sequence < sequence }.reversed().flatMap { message in
            [thread.last { $0.replyTo == message.id }, message].compactMap(\.self)
        }
        let fit = said.filter { $0.state == .final && !$0.text.isEmpty }
        let sums = fit.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.text.utf8.count) }
        return zip(fit, sums).filter { $0.1 <= max(0, limit) }.map(\.0)
    }

    private func requireFree(_ message: MessageID?, _ stream: StreamID?, _ owner: UserID) throws(Refusal) {
        let holders = messages.filter { $0.id == message || (stream != nil && $0.stream == stream) }
        guard let holder = holders.first else { return }
        throw holder.owner == owner ? .conflict(.identifier) : .notFound
    }

    package mutating func save(_ message: Message, _ now: Timestamp) throws(Refusal) -> Bool {
        guard let index = messages.firstIndex(where: { $0.id == message.id }) else {
            let thread = try thread(message.conversation, message.owner)
            if let id = message.replyTo {
                guard thread.contains(where: { $0.id == id && $0.role == .user && $0.replyTo == nil }) else {
                    throw .notFound
                }
            }
            if let id = message.retryOf {
                guard thread.contains(where: { $0.id == id && $0.role == .assistant }) else { throw .notFound }
            }
            try requireFree(nil, message.stream, message.owner)
            append(message, now)
            return true
        }
        let stored = messages[index]
        guard stored.owner == message.owner else { throw .notFound }
        guard stored.conversation == message.conversation, stored.role == message.role else {
            throw .conflict(.identifier)
        }
        if message.stream != nil, message.stream != stored.stream {
            if stored.stream != nil { throw .conflict(.identifier) }
            try requireFree(nil, message.stream, message.owner)
        }
        guard message.version > stored.version else { return false }
        messages[index] = Message(
            id: stored.id, conversation: stored.conversation, owner: stored.owner, sequence: stored.sequence,
            role: stored.role, text: message.text, reasoning: message.reasoning, state: message.state,
            outcome: message.outcome, stream: stored.stream ?? message.stream, lastOffset: message.lastOffset,
            provider: message.provider, model: message.model, usage: message.usage, cost: message.cost,
            spans: message.spans, version: message.version, replyTo: stored.replyTo, retryOf: stored.retryOf,
            createdAt: stored.createdAt)
        return true
    }

    private mutating func append(_ message: Message, _ now: Timestamp?) {
        var message = message
        message.sequence = messages.count { $0.conversation == message.conversation } + 1
        messages.append(message)
        if let now { use(message.conversation, now, after: list(message.owner).first) }
    }

    // MARK: Turns

    package mutating func begin(_ turn: NewTurn, _ now: Timestamp) throws(Refusal) -> BegunTurn {
        if let key = keys.first(where: { $0.owner == turn.owner && $0.text == turn.key && now < $0.end }) {
            guard key.subject == turn.subject else { throw .conflict(.key) }
            return try begun(key.turn, turn.owner, isNew: false)
        }
        let names = turn.names
        if let stored = try? message(names.assistantMessage, turn.owner), stored.stream == names.stream,
            let question = stored.replyTo
        {
            let reference = TurnReference(
                conversation: stored.conversation, userMessage: question, assistantMessage: stored.id,
                stream: names.stream)
            return try begun(reference, turn.owner, isNew: false)
        }

        var place = names.conversation
        var asked = names.userMessage
        var said: String?
        var retried: MessageID?
        switch turn.subject {
        case .newConversation(_, _, let text):
            if let taken = conversations.first(where: { $0.id == place }) {
                throw taken.owner == turn.owner ? .conflict(.identifier) : .notFound
            }
            said = text
        case .message(let id, let text):
            place = try conversation(id, turn.owner).id
            said = text
        case .retry(let stream):
            let old = try answer(stream, turn.owner)
            guard let question = old.replyTo else { throw .notFound }
            guard old.state == .final else { throw .conflict(.stillStreaming) }
            (place, asked, retried) = (old.conversation, question, old.id)
        }
        if said != nil { try requireFree(asked, nil, turn.owner) }
        if names.assistantMessage == asked { throw .conflict(.identifier) }
        try requireFree(names.assistantMessage, nil, turn.owner)
        try requireFree(nil, names.stream, turn.owner)

        if case .newConversation(let kind, let title, _) = turn.subject {
            try insert(Conversation(id: place, owner: turn.owner, kind: kind, title: title, createdAt: now))
        } else {
            use(place, now, after: list(turn.owner).first)
        }
        if let said {
            append(
                Message(id: asked, conversation: place, owner: turn.owner, role: .user, text: said, createdAt: now), nil
            )
        }
        append(
            Message(
                id: names.assistantMessage, conversation: place, owner: turn.owner, role: .assistant, state: .streaming,
                stream: names.stream, replyTo: asked, retryOf: retried, createdAt: now), nil)
        let reference = TurnReference(
            conversation: place, userMessage: asked, assistantMessage: names.assistantMessage, stream: names.stream)
        if let key = turn.key {
            keys.removeAll { $0.owner == turn.owner && $0.text == key }
            keys.append((turn.owner, key, turn.subject, reference, now + turn.keyRetention))
        }
        return try begun(reference, turn.owner, isNew: true)
    }

    package mutating func release(_ key: String, _ turn: TurnReference, _ owner: UserID) {
        keys.removeAll { $0.owner == owner && $0.text == key && $0.turn == turn }
    }

    /// The turn that a key names.
    package func turn(_ key: String, _ owner: UserID) -> TurnReference? {
        keys.first { $0.owner == owner && $0.text == key }?.turn
    }

    private func begun(_ turn: TurnReference, _ owner: UserID, isNew: Bool) throws(Refusal) -> BegunTurn {
        BegunTurn(
            turn: turn, isNew: isNew, question: try message(turn.userMessage, owner),
            answer: try message(turn.assistantMessage, owner))
    }
}
