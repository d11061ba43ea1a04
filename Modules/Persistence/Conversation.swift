public import Core

/// One row of the list a user sees: a thread of messages with the models.
public struct Conversation: Sendable, Hashable {
    public let id: ConversationID
    /// The one user for whom this row exists.
    public let owner: UserID
    /// `chat` or `onboarding`; never a step of the workflow.
    public let kind: Stage
    /// At most ``titleLimit`` characters; may be empty.
    public private(set) var title: String
    /// Whether a person chose the title, so that no program gives it another.
    public private(set) var isNamed: Bool
    /// What was said so far, in a few sentences, for the list and for prompts; at most ``summaryLimit`` characters.
    ///
    /// Written now and then by a program; empty until then, and behind what was said since.
    public private(set) var summary: String
    public let createdAt: Timestamp
    /// When it was last used: made, renamed, or given a message.
    ///
    /// Kept by the store, which lets it rise with each use even when the clock does not; no two conversations of a user
    /// were used at the same time.
    public var updatedAt: Timestamp

    /// A title in characters as people count them; a longer one is cut at the end.
    public static let titleLimit = 200
    /// A summary in characters as people count them; a longer one is cut at the end.
    public static let summaryLimit = 4000

    public init(
        id: ConversationID = ConversationID(), owner: UserID, kind: Stage = .chat, title: String = "",
        isNamed: Bool = false, summary: String = "", createdAt: Timestamp
    ) {
        self.id = id
        self.owner = owner
        self.kind = kind
        self.title = title.fitting(Self.titleLimit)
        self.isNamed = isNamed
        self.summary = summary.fitting(Self.summaryLimit)
        self.createdAt = createdAt
        updatedAt = createdAt
    }

    /// Gives a title that a person chose, cut at ``titleLimit``.
    public mutating func rename(_ title: String) {
        self.title = title.fitting(Self.titleLimit)
        isNamed = true
    }

    /// Takes what a program made of the messages: a summary, and a title where no person chose one.
    ///
    /// A title of `nil` leaves the one there is.
    public mutating func describe(title: String?, summary: String) {
        self.summary = summary.fitting(Self.summaryLimit)
        if let title, !isNamed { self.title = title.fitting(Self.titleLimit) }
    }
}
