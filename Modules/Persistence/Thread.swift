import Core

/// One conversation in memory with all that hangs on it.
struct Thread: Sendable {
    var conversation: Conversation
    /// In the order of their sequence, which counts from 1.
    var messages: [Message] = []
    /// The idempotency keys that began turns here.
    var keys: Set<OwnedKey> = []
    /// The index of the newest answer to a message: the one that counts.
    private var answers: [MessageID: Int] = [:]

    init(_ conversation: Conversation) {
        self.conversation = conversation
        self.conversation.messageCount = 0
    }

    /// Gives a message the next sequence and returns its index.
    mutating func append(_ message: Message) -> Int {
        let index = messages.count
        messages.append(message)
        messages[index].sequence = index + 1
        if let question = message.replyTo { answers[question] = index }
        conversation.messageCount = messages.count
        return index
    }

    func page(_ range: MessageRange, limit: Int) -> MessagePage {
        switch range {
        case .after(let sequence):
            let start = min(max(0, sequence), messages.count)
            let end = min(messages.count, start + limit.asPageLimit)
            return MessagePage(Array(messages[start..<end]), hasMore: end < messages.count)
        case .before(let sequence):
            let end = min(max(1, sequence) - 1, messages.count)
            let start = max(0, end - limit.asPageLimit)
            return MessagePage(Array(messages[start..<end]), hasMore: start > 0)
        }
    }

    /// See ``ConversationStore/history(of:through:owner:limit:)``; `last` is the index of the question it ends with.
    func history(through last: Int?, _ limit: HistoryLimit) -> [Message] {
        var history: [Message] = []
        var bytes = 0

        /// - Returns: `false` when the limit is reached.
        func take(_ message: Message) -> Bool {
            let length = message.text.utf8.count
            guard length > 0, message.state == .final else { return true }
            let (sum, overflows) = bytes.addingReportingOverflow(length)
            guard history.isEmpty || (history.count < limit.messages && !overflows && sum <= limit.bytes) else {
                return false
            }
            bytes = sum
            history.append(message)
            return true
        }

        // An answer comes up with what it answers, wherever it lies itself.
        for index in messages[...(last ?? messages.count - 1)].indices.reversed() where messages[index].replyTo == nil {
            if index != last, let answer = answers[messages[index].id], !take(messages[answer]) { break }
            if !take(messages[index]) { break }
        }
        return history.reversed()
    }
}

extension Message {
    /// Whether an answer may name it as what it replies to.
    var isQuestion: Bool { role == .user && replyTo == nil }

    /// What counts against ``InMemoryStore/Limits/bytes``.
    var bytes: Int { text.utf8.count + reasoning.utf8.count }

    /// Takes over what a newer version may change.
    mutating func update(to newer: Message) {
        text = newer.text
        reasoning = newer.reasoning
        state = newer.state
        outcome = newer.outcome
        stream = stream ?? newer.stream
        lastOffset = newer.lastOffset
        provider = newer.provider
        model = newer.model
        usage = newer.usage
        version = newer.version
    }
}
