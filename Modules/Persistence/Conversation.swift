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
    public let createdAt: Timestamp
    /// When it was last used: made, renamed, or given a message.
    ///
    /// Kept by the store, which lets it rise with each use even when the clock does not; no two conversations of a user
    /// were used at the same time.
    public var updatedAt: Timestamp

    /// A title in characters as people count them; a longer one is cut at the end.
    public static let titleLimit = 200
    /// A title in bytes of UTF-8, since one character can carry any number of accents.
    static let titleByteLimit = 4096

    public init(
        id: ConversationID = ConversationID(), owner: UserID, kind: Stage = .chat, title: String = "",
        createdAt: Timestamp
    ) {
        self.id = id
        self.owner = owner
        self.kind = kind
        self.title = Self.fitting(title)
        self.createdAt = createdAt
        updatedAt = createdAt
    }

    /// Gives a title, cut at ``titleLimit``.
    public mutating func rename(_ title: String) { self.title = Self.fitting(title) }

    private static func fitting(_ title: String) -> String {
        var fitting = title.prefix(titleLimit)
        while fitting.utf8.count > titleByteLimit { fitting.removeLast() }
        return String(fitting)
    }
}
