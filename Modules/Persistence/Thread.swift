import Core

/// One conversation in memory with all that hangs on it.
struct Thread: Sendable {
    var conversation: Conversation
    /// In the order of their sequence, which counts from 1.
    var messages: [Message] = []
    /// The idempotency keys that began turns here.
    var keys: Set<OwnedKey> = []
    /// The index of the last answer to a message: the one that counts.
    private var answers: [MessageID: Int] = [:]

    init(_ conversation: Conversation) { self.conversation = conversation }

    /// Gives a message the next sequence and returns it so.
    mutating func append(_ message: Message) -> Message {
        var message = message
        message.sequence = messages.count + 1
        if let question = message.replyTo { answers[question] = messages.count }
        messages.append(message)
        return message
    }

    func messages(after sequence: Int, limit: Int) -> Page<Message> {
        let rest = messages.dropFirst(sequence)
        let page = rest.prefix(max(1, limit))
        return Page(items: Array(page), next: page.count < rest.count ? page.last?.place : nil)
    }

    func messages(before sequence: Int, limit: Int) -> Page<Message> {
        let rest = messages.prefix(sequence - 1)
        let page = rest.suffix(max(1, limit))
        return Page(items: Array(page), next: page.count < rest.count ? page.first?.place : nil)
    }

    /// See ``ConversationStore/history(of:of:before:limit:)``.
    func history(before sequence: Int, limit: Int) -> [Message] {
        var history: [Message] = []
        var room = max(0, limit)

        func take(_ message: Message) {
            guard room >= 0, !message.text.isEmpty, message.state == .final else { return }
            history.append(message)
            room -= message.text.utf8.count
        }

        // An answer comes up with what it answers, wherever it lies itself.
        for message in messages.prefix(max(1, sequence) - 1).reversed() where message.replyTo == nil {
            if let answer = answers[message.id] { take(messages[answer]) }
            take(message)
            if room < 0 { break }
        }
        return history
    }

    /// The sums of each finished answer that was begun in the time.
    func usage(from start: Timestamp, to end: Timestamp) -> [UsageSum] {
        messages.lazy
            .filter { $0.role == .assistant && $0.state == .final && start <= $0.createdAt && $0.createdAt < end }
            .flatMap { UsageSum.sums(of: $0, in: conversation.kind) }
    }
}

extension Message {
    /// Whether an answer may name it as what it replies to.
    var isQuestion: Bool { role == .user && replyTo == nil }

    /// What counts against ``InMemoryStore/Limits/bytes``.
    var bytes: Int { text.utf8.count + reasoning.utf8.count }

    fileprivate var place: String { MessagePlace(sequence: sequence).description }

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
        cost = newer.cost
        spans = newer.spans
        version = newer.version
    }
}
