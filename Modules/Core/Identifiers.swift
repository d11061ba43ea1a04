/// A string that names one thing and cannot be confused with the name of another kind of thing.
public protocol Identifier: Sendable, Hashable, CustomStringConvertible, LosslessStringConvertible {
    /// The text as it stands in URLs, events and rows.
    var text: String { get }

    /// - Returns: `nil` when `text` is not of the identifier's form.
    init?(_ text: String)
}

extension Identifier {
    public var description: String { text }
}

/// One person's account.
public struct UserID: Identifier {
    public let text: String

    public init?(_ text: String) {
        guard UUIDv7.isValid(text) else { return nil }
        self.text = text
    }

    public init() { text = UUIDv7.make() }
}

/// One conversation between a user and the models.
public struct ConversationID: Identifier {
    public let text: String

    public init?(_ text: String) {
        guard UUIDv7.isValid(text) else { return nil }
        self.text = text
    }

    public init() { text = UUIDv7.make() }
}

/// One message of a conversation.
public struct MessageID: Identifier {
    public let text: String

    public init?(_ text: String) {
        guard UUIDv7.isValid(text) else { return nil }
        self.text = text
    }

    public init() { text = UUIDv7.make() }
}

/// One patient's case, which a workflow works on.
public struct CaseID: Identifier {
    public let text: String

    public init?(_ text: String) {
        guard UUIDv7.isValid(text) else { return nil }
        self.text = text
    }

    public init() { text = UUIDv7.make() }
}

/// One run of a server process: another one after each start, so that what a dead one left is told apart.
public struct NodeID: Identifier {
    public let text: String

    public init?(_ text: String) {
        guard UUIDv7.isValid(text) else { return nil }
        self.text = text
    }

    public init() { text = UUIDv7.make() }
}

/// One run that produces events: never a conversation, so that a second answer is never mistaken for the first.
///
/// Ten characters of Crockford's base32 in lower case, 50 random bits.
public struct StreamID: Identifier {
    public let text: String
    static let length = 10
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz")

    public init?(_ text: String) {
        guard text.utf8.count == Self.length, text.allSatisfy(Self.alphabet.contains) else { return nil }
        self.text = text
    }

    public init() {
        var random = SystemRandomNumberGenerator()
        text = String((0..<Self.length).map { _ in Self.alphabet.randomElement(using: &random) ?? "0" })
    }
}

/// The place of one event: its stream and its position there, counted from 1 without gaps.
///
/// Written `<stream>-<offset>`, as in `7f3k9q2m4x-17`; this is the `id:` of a server-sent event.
public struct EventID: Sendable, Hashable, LosslessStringConvertible {
    public var stream: StreamID
    public var offset: Int

    public init(stream: StreamID, offset: Int) {
        self.stream = stream
        self.offset = offset
    }

    /// - Returns: `nil` unless `text` is a stream id, a hyphen and 1 to 18 decimal digits without a leading zero.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let stream = StreamID(String(parts[0])) else { return nil }
        let digits = parts[1]
        guard (1...18).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        guard digits == "0" || !digits.hasPrefix("0"), let offset = Int(digits) else { return nil }
        self.init(stream: stream, offset: offset)
    }

    public var description: String { "\(stream)-\(offset)" }
}
