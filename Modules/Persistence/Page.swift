public import Core

/// A part of a list of conversations, and the way to the next part.
public struct ConversationPage: Sendable, Hashable {
    /// Newest first by ``Conversation/updatedAt``; of the same time, the one with the higher id first.
    public var conversations: [Conversation]
    /// What to ask with for the rest; `nil` at the end.
    public var next: ConversationCursor?

    public init(_ conversations: [Conversation], next: ConversationCursor?) {
        self.conversations = conversations
        self.next = next
    }
}

/// A place in a list of conversations, opaque to clients: their list goes on behind it.
///
/// It names a place and no row, so it stays good when the row it was made from is moved or deleted.
public struct ConversationCursor: Sendable, Hashable, Comparable, LosslessStringConvertible {
    public let updatedAt: Timestamp
    public let id: ConversationID

    public init(updatedAt: Timestamp, id: ConversationID) {
        self.updatedAt = updatedAt
        self.id = id
    }

    public init(_ conversation: Conversation) { self.init(updatedAt: conversation.updatedAt, id: conversation.id) }

    /// - Returns: `nil` when `text` is not what ``description`` writes.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let milliseconds = Int64(parts[0], radix: 36),
            let id = ConversationID(String(parts[1]))
        else { return nil }
        self.init(updatedAt: Timestamp(milliseconds: milliseconds), id: id)
        guard description == text else { return nil }
    }

    public var description: String { String(updatedAt.milliseconds, radix: 36) + "." + id.text }

    public static func < (left: ConversationCursor, right: ConversationCursor) -> Bool {
        (left.updatedAt, left.id.text) < (right.updatedAt, right.id.text)
    }
}

/// Which messages of a conversation are wanted.
public enum MessageRange: Sendable, Hashable {
    /// The oldest of those with a higher sequence; `after(0)` begins at the first message.
    case after(Int)
    /// The newest of those with a lower sequence.
    case before(Int)

    /// The newest messages.
    public static let newest = MessageRange.before(.max)
}

/// A part of a conversation.
public struct MessagePage: Sendable, Hashable {
    /// In the order of their sequence, whichever way was paged.
    public var messages: [Message]
    /// Whether there are more in the direction asked for.
    public var hasMore: Bool

    public init(_ messages: [Message], hasMore: Bool) {
        self.messages = messages
        self.hasMore = hasMore
    }
}

/// How much of a conversation a prompt has room for; what is reached first counts.
public struct HistoryLimit: Sendable, Hashable {
    public var messages: Int
    /// UTF-8 of ``Message/text``, summed.
    public var bytes: Int

    public init(messages: Int = .max, bytes: Int = .max) {
        self.messages = messages
        self.bytes = bytes
    }
}
