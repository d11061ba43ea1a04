public import Core

/// What operators and programs need of a store, in the name of no user; never reached from a route.
public protocol StoreCare: Sendable {
    /// Answers that are still being written by a server process that is gone, the oldest first.
    ///
    /// A store that was opened for no server process takes every such answer for abandoned that a process left.
    func unfinished(limit: Int) async throws(StoreError) -> [Message]

    /// Reads everything and tells what is not as it should be; nothing is changed.
    ///
    /// - Returns: at most 1000 findings; none when all is well.
    func check() async throws(StoreError) -> [CheckFinding]

    /// Deletes what is older than a policy allows, and keys past their retention.
    ///
    /// Goes in steps of at most some hundred rows a transaction, so that nobody waits for it long.
    func purge(_ policy: RetentionPolicy) async throws(StoreError) -> PurgeCounts

    /// Seals rows anew that were sealed with another key than the current one.
    ///
    /// Of at most `limit` rows, from 1. Returns how many rows are left: 0 when all are sealed with the current key.
    func reencrypt(limit: Int) async throws(StoreError) -> Int

    /// The users who were deleted, in the order in which it was done; kept for good, without anything the users said.
    ///
    /// - Parameters:
    ///   - place: ``Deletion/place`` of the last one that is known; 0 from the start.
    ///   - limit: at most so many, from 1 to 1000.
    /// - Returns: those that followed; the last has the place to ask from the next time.
    /// - Throws: ``StoreError/unavailable(_:)``.
    func deletions(after place: Int, limit: Int) async throws(StoreError) -> [Deletion]

    /// Whether a user was deleted at a time or later.
    ///
    /// Whatever a user begins waits for a deletion that is under way. So what was begun is deleted with the rest, or it came
    /// after a deletion, of which this tells then.
    ///
    /// - Throws: ``StoreError/unavailable(_:)``.
    func wasDeleted(_ user: UserID, since time: Timestamp) async throws(StoreError) -> Bool

    /// Gives unused room back and brings what helps to find rows up to date.
    func optimise() async throws(StoreError)

    /// How much there is.
    func statistics() async throws(StoreError) -> StoreStatistics
}

/// Something in a store that is not as it should be.
public struct CheckFinding: Sendable, Hashable, CustomStringConvertible {
    public let kind: Kind
    /// The table it was found in; empty for the file as a whole.
    public let table: String
    /// The row's name; empty when it is no single row.
    public let row: String
    /// A sentence for the operator, without any text of a user.
    public let detail: String

    /// What is wrong.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The database's own check found damage.
        case integrity
        /// A row cannot be opened with the keyring, or is not what was sealed.
        case sealed
        /// A row whose parent is gone.
        case orphan
        /// Numbers, owners or states of rows that contradict one another.
        case inconsistent
    }

    public init(_ kind: Kind, table: String = "", row: String = "", detail: String) {
        self.kind = kind
        self.table = table
        self.row = row
        self.detail = detail
    }

    public var description: String {
        let place = [table, row].filter { !$0.isEmpty }.joined(separator: " ")
        return place.isEmpty ? "\(kind.rawValue): \(detail)" : "\(kind.rawValue): \(place): \(detail)"
    }
}

/// How long things are kept after they were last used; `nil` is for ever.
public struct RetentionPolicy: Sendable, Hashable {
    /// After ``Conversation/updatedAt``.
    public var conversations: Duration?
    /// After ``Case/updatedAt``.
    public var cases: Duration?

    public init(conversations: Duration? = nil, cases: Duration? = nil) {
        self.conversations = conversations
        self.cases = cases
    }
}

/// What a purge deleted.
public struct PurgeCounts: Sendable, Hashable {
    public var conversations = 0
    public var messages = 0
    public var cases = 0
    public var results = 0
    /// Idempotency keys past their retention.
    public var keys = 0

    public init(conversations: Int = 0, messages: Int = 0, cases: Int = 0, results: Int = 0, keys: Int = 0) {
        self.conversations = conversations
        self.messages = messages
        self.cases = cases
        self.results = results
        self.keys = keys
    }
}

/// How much a store holds.
public struct StoreStatistics: Sendable, Hashable {
    /// Rows, by table; an estimate where counting would take long.
    public var rows: [String: Int]
    /// Bytes on disk, or in memory for a store that has none.
    public var bytes: Int
    /// Bytes of the write-ahead log beside it; 0 where there is none.
    public var walBytes: Int
    /// Bytes free on the disk it lies on; `nil` where that is not ours to know.
    public var freeBytes: Int?

    public init(rows: [String: Int], bytes: Int, walBytes: Int = 0, freeBytes: Int? = nil) {
        self.rows = rows
        self.bytes = bytes
        self.walBytes = walBytes
        self.freeBytes = freeBytes
    }
}
