public import Core

/// The names of everything one turn consists of; what a repeated request is answered with.
public struct TurnReference: Sendable, Hashable {
    public let conversation: ConversationID
    public let userMessage: MessageID
    public let assistantMessage: MessageID
    public let stream: StreamID

    public init(
        conversation: ConversationID, userMessage: MessageID, assistantMessage: MessageID, stream: StreamID
    ) {
        self.conversation = conversation
        self.userMessage = userMessage
        self.assistantMessage = assistantMessage
        self.stream = stream
    }
}

/// A turn to begin: what is asked, and the row that the answer will fill.
public struct NewTurn: Sendable, Hashable {
    public let owner: UserID
    public let place: Place
    public let question: Question
    /// The id of the answer's row.
    public let answer: MessageID
    /// The run that writes the answer.
    public let stream: StreamID
    /// `nil` when each call is a turn of its own.
    public let key: IdempotencyKey?
    /// Now: the time of every row that is written, and what ``IdempotencyKey/retention`` counts from.
    public let time: Timestamp

    public init(
        owner: UserID, place: Place, question: Question, answer: MessageID = MessageID(), stream: StreamID = StreamID(),
        key: IdempotencyKey? = nil, time: Timestamp
    ) {
        self.owner = owner
        self.place = place
        self.question = question
        self.answer = answer
        self.stream = stream
        self.key = key
        self.time = time
    }

    /// Where the turn belongs.
    public enum Place: Sendable, Hashable {
        case existing(ConversationID)
        /// A conversation made by the same call, so that a repeated first message leaves no empty one behind.
        case new(ConversationID, kind: Stage, title: String)
    }

    /// What the model is to answer.
    public enum Question: Sendable, Hashable {
        /// A message the user just wrote.
        case message(MessageID, String)
        /// The message that the named answer answered; the new answer takes that one's place.
        case retry(of: MessageID)
    }
}

/// A client's name for one request, by which its repetitions are known.
public struct IdempotencyKey: Sendable, Hashable {
    /// Unique among one user's requests.
    public let text: String
    /// A digest of what was asked: the same key with another one is a mistake of the client, not a repetition.
    public let fingerprint: String
    /// How long the key is remembered; after that it starts a new turn.
    public let retention: Duration

    public init(_ text: String, fingerprint: String, retention: Duration) {
        self.text = text
        self.fingerprint = fingerprint
        self.retention = retention
    }
}

/// What ``ConversationStore/begin(_:)`` found or made.
public enum BegunTurn: Sendable, Hashable {
    /// A new turn, with both rows as they are stored; the caller now has the answer made.
    case started(question: Message, answer: Message)
    /// The turn that the key began earlier, finished or not.
    case existing(TurnReference)
}
