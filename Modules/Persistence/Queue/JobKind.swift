/// What a job does: the name of the handler that works on it.
///
/// An open set: a kind that no worker knows waits in the queue until one does.
public struct JobKind: Sendable, Hashable, RawRepresentable, LosslessStringConvertible {
    public let rawValue: String

    /// - Returns: `nil` unless the name has 1 to 64 lower-case letters, digits and underscores, a letter first.
    public init?(rawValue: String) {
        let bytes = rawValue.utf8
        guard (1...Self.maxLength).contains(bytes.count), bytes.first.map({ (0x61...0x7A).contains($0) }) == true,
            bytes.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F })
        else { return nil }
        self.rawValue = rawValue
    }

    public init?(_ description: String) { self.init(rawValue: description) }

    private init(known name: String) { rawValue = name }

    public var description: String { rawValue }

    private static let maxLength = 64

    /// Writes what a turn left to be written while the store could not be reached; see ``DeferredTurn``.
    public static let saveTurn = JobKind(known: "save_turn")
    /// Gives a conversation its summary, and a title when its user gave none; see ``ConversationToDescribe``.
    public static let describeConversation = JobKind(known: "describe_conversation")
    /// Deletes what is older than its retention.
    public static let purge = JobKind(known: "purge")
    /// Seals what an old key sealed with the current one.
    public static let reencrypt = JobKind(known: "reencrypt")
    /// Gives the disk back what is not used any more.
    public static let optimise = JobKind(known: "optimise")

    /// Whether jobs of one group are worked on in the order they were put in, one at a time over all workers.
    ///
    /// So it is with what users wrote: the second message of a conversation needs the first.
    public var keepsOrder: Bool { self == .saveTurn }

    /// The kinds that this version's worker works on.
    public static let known = [saveTurn, describeConversation, purge, reencrypt, optimise]
}
