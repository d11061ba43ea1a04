package import Core

/// Part of a list.
public struct Page<Item: Sendable>: Sendable {
    public var items: [Item]
    /// Where the list goes on, opaque to clients; `nil` at the end.
    public var next: String?

    public init(items: [Item], next: String?) {
        self.items = items
        self.next = next
    }
}

extension Page: Equatable where Item: Equatable {}

/// A place in a user's list of conversations, or of cases.
///
/// It names a place and no row, so it stays good when the row it was made from moves or goes.
package struct ListPlace: Sendable, Hashable, Comparable, LosslessStringConvertible {
    package let time: Timestamp
    /// The id of what was there, a UUID.
    package let id: String

    package init(_ time: Timestamp, _ id: String) {
        self.time = time
        self.id = id
    }

    package init(_ conversation: Conversation) { self.init(conversation.updatedAt, conversation.id.text) }

    /// - Returns: `nil` when `text` is not what ``description`` writes.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let time = Int64(parts[0], radix: 36), UUIDv7.isValid(String(parts[1])) else {
            return nil
        }
        self.time = Timestamp(milliseconds: time)
        id = String(parts[1])
        guard description == text else { return nil }
    }

    package var description: String { "\(String(time.milliseconds, radix: 36)).\(id)" }

    package static func < (one: ListPlace, other: ListPlace) -> Bool {
        (one.time, one.id) < (other.time, other.id)
    }
}

/// A place in a conversation: the sequence of the message before or behind it.
package struct MessagePlace: Sendable, Hashable, LosslessStringConvertible {
    package let sequence: Int

    package init(sequence: Int) { self.sequence = sequence }

    /// - Returns: `nil` when `text` is not what ``description`` writes of a sequence from 1.
    package init?(_ text: String) {
        guard let sequence = Int(text), sequence >= 1, String(sequence) == text else { return nil }
        self.sequence = sequence
    }

    package var description: String { String(sequence) }
}
