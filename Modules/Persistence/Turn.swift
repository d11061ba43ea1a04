public import Core

/// The names of one turn: a message, its answer, and the run that writes it.
public struct TurnReference: Sendable, Hashable {
    public let conversation: ConversationID
    public let userMessage: MessageID
    public let assistantMessage: MessageID
    public let stream: StreamID

    public init(
        conversation: ConversationID = ConversationID(), userMessage: MessageID = MessageID(),
        assistantMessage: MessageID = MessageID(), stream: StreamID = StreamID()
    ) {
        self.conversation = conversation
        self.userMessage = userMessage
        self.assistantMessage = assistantMessage
        self.stream = stream
    }
}

/// A turn that is to be begun.
public struct NewTurn: Sendable, Hashable {
    /// What it goes on from.
    public enum Subject: Sendable, Hashable {
        /// A new conversation with its first message, so that a repeated request leaves no empty one behind.
        case newConversation(kind: Stage, title: String, text: String)
        /// A message in a conversation there is.
        case message(in: ConversationID, text: String)
        /// Another answer in place of the one that a stream wrote.
        case retry(of: StreamID)
    }

    public let owner: UserID
    public let subject: Subject
    /// Names the turn among those of its owner, so that beginning it twice begins it once.
    public let key: String?
    /// How long the key is remembered.
    public let keyRetention: Duration
    /// What the rows that the turn makes will be called.
    ///
    /// Chosen before the store is asked, so that a call whose outcome is unknown can be made again as it was.
    public let names: TurnReference
    /// When it was begun, for one that waited to be stored; `nil` for the time of the store.
    public var begunAt: Timestamp?

    public init(
        owner: UserID, subject: Subject, key: String? = nil, keyRetention: Duration = .seconds(86_400),
        names: TurnReference = TurnReference(), begunAt: Timestamp? = nil
    ) {
        self.owner = owner
        self.subject = subject
        self.key = key
        self.keyRetention = keyRetention
        self.names = names
        self.begunAt = begunAt
    }
}

/// A turn that was begun, now or earlier.
public struct BegunTurn: Sendable, Hashable {
    public var turn: TurnReference
    /// Whether this very call began it, so that the caller is the one to have it answered.
    public var isNew: Bool
    /// The user's message.
    public var question: Message
    /// The answer's row, open for writing when the turn is new.
    public var answer: Message

    public init(turn: TurnReference, isNew: Bool, question: Message, answer: Message) {
        self.turn = turn
        self.isNew = isNew
        self.question = question
        self.answer = answer
    }
}
