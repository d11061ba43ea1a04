public import Core
import Glibc

/// A moment in milliseconds since 1970, UTC.
public struct Timestamp: Sendable, Hashable, Comparable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// The wall clock's time.
    public static var now: Timestamp {
        var time = timespec()
        unsafe _ = clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    public static func < (one: Timestamp, other: Timestamp) -> Bool { one.milliseconds < other.milliseconds }
}

/// What belongs together: the messages of one user about one thing.
public struct Conversation: Sendable, Hashable {
    public let id: ConversationID
    public let owner: UserID
    /// `.chat` or `.onboarding`.
    public var kind: Stage
    /// At most 200 characters.
    public var title: String
    public var createdAt: Timestamp
    /// Of the last message or renaming.
    public var updatedAt: Timestamp

    public init(
        id: ConversationID = ConversationID(), owner: UserID, kind: Stage, title: String, createdAt: Timestamp
    ) {
        self.id = id
        self.owner = owner
        self.kind = kind
        self.title = title
        self.createdAt = createdAt
        updatedAt = createdAt
    }
}

/// One message: what a user said, or what a model answered.
public struct Message: Sendable, Hashable {
    public let id: MessageID
    public let conversation: ConversationID
    public let owner: UserID
    /// Its place in the conversation, from 1, given by the store.
    public var sequence: Int
    public var role: Prompt.Role
    /// What is shown in the chat panel.
    public var text: String
    /// What is shown in the reasoning panel.
    public var reasoning = ""
    public var state: State
    /// How the answer ended; `nil` for a user's message and while the answer is being written.
    public var outcome: Outcome?
    /// The run that wrote the answer.
    public var stream: StreamID?
    /// Offset of the stream's last event, once it has ended.
    public var lastOffset: Int?
    public var provider: String?
    public var model: String?
    public var usage: Usage?
    /// Grows with each change; a store never lets a lower one win, so that late writes are harmless.
    public var version: Int
    /// The message that this one answers.
    public var replyTo: MessageID?
    /// The answer that this one replaces.
    public var retryOf: MessageID?
    public var createdAt: Timestamp

    public enum State: String, Sendable {
        case streaming, final
    }

    public init(
        id: MessageID = MessageID(), conversation: ConversationID, owner: UserID, sequence: Int = 0, role: Prompt.Role,
        text: String, state: State, version: Int = 1, createdAt: Timestamp
    ) {
        self.id = id
        self.conversation = conversation
        self.owner = owner
        self.sequence = sequence
        self.role = role
        self.text = text
        self.state = state
        self.version = version
        self.createdAt = createdAt
    }
}

/// The names of one turn: a message, its answer, and the run that writes it.
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

/// A turn that is to be begun.
public struct NewTurn: Sendable {
    /// What it goes on from.
    public enum Subject: Sendable, Hashable {
        /// A new conversation, with its first message.
        case newConversation(kind: Stage, title: String, text: String)
        /// A message in a conversation there is.
        case message(in: ConversationID, text: String)
        /// Another answer in place of the one that a stream wrote.
        case retry(of: StreamID)
    }

    public var owner: UserID
    public var subject: Subject
    /// Names the turn, so that beginning it twice begins it once.
    public var key: String?
    /// How long the key is remembered.
    public var keyRetention: Duration

    public init(owner: UserID, subject: Subject, key: String? = nil, keyRetention: Duration = .seconds(86_400)) {
        self.owner = owner
        self.subject = subject
        self.key = key
        self.keyRetention = keyRetention
    }
}

/// A turn that was begun, now or when its key was first seen.
public struct BegunTurn: Sendable {
    public var turn: TurnReference
    public var isNew: Bool
    /// The user's message.
    public var question: Message
    /// The answer's row, open for writing.
    public var answer: Message

    public init(turn: TurnReference, isNew: Bool, question: Message, answer: Message) {
        self.turn = turn
        self.isNew = isNew
        self.question = question
        self.answer = answer
    }
}

/// Part of a list.
public struct Page<Item: Sendable>: Sendable {
    public var items: [Item]
    /// Where the next page begins; `nil` at the end.
    public var next: String?

    public init(items: [Item], next: String?) {
        self.items = items
        self.next = next
    }
}
