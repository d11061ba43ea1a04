public import Core

/// One message of a conversation, whole or as far as it has come.
public struct Message: Sendable, Hashable {
    public let id: MessageID
    public let conversation: ConversationID
    /// The one user for whom this row exists.
    public let owner: UserID
    /// Its place in the conversation: 1, 2, 3 … without gaps, given by the store; 0 until then.
    public var sequence: Int
    public let role: Prompt.Role
    /// What the chat panel shows.
    public var text: String
    /// What the reasoning panel shows; empty for a user's message.
    public var reasoning: String
    public var state: State
    /// How the run ended; `nil` while it goes on and for a user's message.
    public var outcome: Outcome?
    /// The run that writes this answer.
    public var stream: StreamID?
    /// The offset of the stream's last event, once the stream has ended.
    public var lastOffset: Int?
    /// The configured name of the provider that answered, once one did.
    public var provider: String?
    public var model: String?
    public var usage: Usage?
    /// What the answer cost, at the prices of its time; `nil` where no price was known.
    public var cost: Cost?
    /// The parts of an answer that several providers gave; empty when one gave it all.
    public var spans: [AnswerSpan]
    /// Rises with each save; of two saves of one message the higher version stands, whatever order they arrive in.
    ///
    /// A new row is 1, checkpoints of an answer in the making count up, the finished one is ``finalVersion``.
    public var version: Int
    /// The user's message that this one answers.
    public package(set) var replyTo: MessageID?
    /// The earlier answer that this one takes the place of.
    public package(set) var retryOf: MessageID?
    public let createdAt: Timestamp

    /// The version of a message that will not change; no checkpoint that arrives late can undo it.
    public static let finalVersion = Int(Int32.max)
    /// The version of an answer whose server died, with the text that was shown: no checkpoint undoes it, and the end that
    /// was spooled does.
    public static let interruptedVersion = finalVersion - 1
    /// The version of one that was found open, with the text of its last checkpoint: what was shown of it undoes that.
    public static let abandonedVersion = finalVersion - 2

    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Text still arrives.
        case streaming
        case final
    }

    public init(
        id: MessageID = MessageID(), conversation: ConversationID, owner: UserID, sequence: Int = 0, role: Prompt.Role,
        text: String = "", reasoning: String = "", state: State = .final, outcome: Outcome? = nil,
        stream: StreamID? = nil, lastOffset: Int? = nil, provider: String? = nil, model: String? = nil,
        usage: Usage? = nil, cost: Cost? = nil, spans: [AnswerSpan] = [], version: Int = 1, replyTo: MessageID? = nil,
        retryOf: MessageID? = nil, createdAt: Timestamp
    ) {
        self.id = id
        self.conversation = conversation
        self.owner = owner
        self.sequence = sequence
        self.role = role
        self.text = text
        self.reasoning = reasoning
        self.state = state
        self.outcome = outcome
        self.stream = stream
        self.lastOffset = lastOffset
        self.provider = provider
        self.model = model
        self.usage = usage
        self.cost = cost
        self.spans = spans
        self.version = version
        self.replyTo = replyTo
        self.retryOf = retryOf
        self.createdAt = createdAt
    }
}
