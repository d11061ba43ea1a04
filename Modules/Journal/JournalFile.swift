import Core
import Encryption
import SQLite
import Streaming

/// What stands in the file: two tables, and every statement on them.
///
/// `segment` is written at its end alone, in the order of its `id`: what comes in an interval lies on few pages, however
/// many streams it is of. So it has no index by stream, and a stream's rows are found between its first and its last.
enum JournalFile {
    /// What ``prepare(_:)`` makes and understands.
    static let version = 2

    private static let schema: SQL = """
        CREATE TABLE journal(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
        CREATE TABLE stream(
            key INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            conversation TEXT,
            message TEXT,
            begun_at INTEGER NOT NULL,
            ended_at INTEGER,
            outcome TEXT,
            request TEXT
        ) STRICT;
        CREATE TABLE segment(
            id INTEGER PRIMARY KEY,
            stream INTEGER NOT NULL,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            events BLOB NOT NULL
        ) STRICT;
        PRAGMA user_version = 2;
        """

    /// From version 1, which did not know by which request a stream was begun.
    private static let requests: SQL = """
        ALTER TABLE stream ADD COLUMN request TEXT;
        PRAGMA user_version = 2;
        """

    /// Makes the tables at need, and looks whether the file is this keyring's.
    static func prepare(_ transaction: borrowing Transaction, keyring: String) throws -> Opening {
        let version = try transaction.row("PRAGMA user_version") { try $0.int(0) } ?? 0
        guard version <= Self.version else { return .tooNew(version) }
        if version == 0 {
            try transaction.execute(schema)
            try transaction.run("INSERT INTO journal(name, value) VALUES ('keyring', ?)", keyring)
        }
        if version == 1 { try transaction.execute(requests) }
        let known = try transaction.row("SELECT value FROM journal WHERE name = 'keyring'") { try $0.text(0) }
        guard known == keyring else { return .wrongKey }
        return .well(
            nextKey: (try transaction.row("SELECT ifnull(max(key), 0) FROM stream") { try $0.int(0) } ?? 0) + 1,
            nextRow: (try transaction.row("SELECT ifnull(max(id), 0) FROM segment") { try $0.int(0) } ?? 0) + 1)
    }

    enum Opening: Sendable {
        case well(nextKey: Int, nextRow: Int)
        case wrongKey
        case tooNew(Int)
    }

    /// Where a segment's events belong.
    static func place(_ stream: StreamID, first: Int) -> SealedPlace {
        SealedPlace(table: "segment", column: "events", row: "\(stream.text)-\(first)")
    }

    // MARK: Writing

    struct NewStream: Sendable {
        var key: Int
        var id: StreamID
        var owner: UserID
        var subject: StreamSubject?
        var begunAt: Timestamp
    }

    struct NewSegment: Sendable {
        var row: Int
        var key: Int
        var first: Int
        var last: Int
        var sealed: [UInt8]
    }

    struct End: Sendable {
        var key: Int
        var outcome: Outcome
    }

    /// What goes into one transaction.
    struct Batch: Sendable {
        var streams: [NewStream] = []
        var segments: [NewSegment] = []
        var ends: [End] = []
        var forgotten: [Int] = []
        var time = Timestamp.now

        var bytes: Int { segments.reduce(0) { $0 + $1.sealed.count } }
        var isEmpty: Bool { segments.isEmpty && forgotten.isEmpty && ends.isEmpty }
    }

    static func write(_ batch: Batch, _ transaction: borrowing Transaction) throws {
        for stream in batch.streams {
            try transaction.run(
                """
                INSERT INTO stream(key, id, owner, conversation, message, begun_at, request)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
                stream.key, stream.id.text, stream.owner.text, stream.subject?.conversation.text,
                stream.subject?.message.text, stream.begunAt.milliseconds, stream.subject?.request)
        }
        for segment in batch.segments {
            try transaction.run(
                "INSERT INTO segment(id, stream, first, last, events) VALUES (?, ?, ?, ?, ?)",
                segment.row, segment.key, segment.first, segment.last, segment.sealed)
        }
        for end in batch.ends {
            try transaction.run(
                "UPDATE stream SET ended_at = ?, outcome = ? WHERE key = ?", batch.time.milliseconds,
                end.outcome.rawValue, end.key)
        }
        for key in batch.forgotten { try transaction.run("DELETE FROM stream WHERE key = ?", key) }
    }

    /// Removes the segments of streams that are gone, among some rows.
    static func clean(_ rows: ClosedRange<Int>, _ transaction: borrowing Transaction) throws -> Int {
        try transaction.run(
            "DELETE FROM segment WHERE id BETWEEN ? AND ? AND stream NOT IN (SELECT key FROM stream)", rows.lowerBound,
            rows.upperBound)
    }

    // MARK: Reading

    /// A stream's row.
    struct Stream: Sendable {
        var key: Int
        var id: StreamID
        var owner: UserID
        var subject: StreamSubject?
        var begunAt: Timestamp
        var endedAt: Timestamp?
    }

    static func streams(_ transaction: borrowing Transaction) throws -> [Stream] {
        try transaction.rows(
            "SELECT key, id, owner, conversation, message, ended_at, begun_at, request FROM stream ORDER BY key"
        ) { row in
            guard let id = StreamID(try row.text(1)), let owner = UserID(try row.text(2)) else { return nil as Stream? }
            var subject: StreamSubject?
            if let conversation = try row.optionalText(3).flatMap({ ConversationID($0) }),
                let message = try row.optionalText(4).flatMap({ MessageID($0) })
            {
                subject = StreamSubject(
                    conversation: conversation, message: message, request: try row.optionalText(7))
            }
            return Stream(
                key: try row.int(0), id: id, owner: owner, subject: subject,
                begunAt: Timestamp(milliseconds: try row.int64(6)),
                endedAt: try row.optionalInt(5).map { Timestamp(milliseconds: Int64($0)) })
        }.compactMap { $0 }
    }

    /// A segment's row.
    struct Segment: Sendable {
        var row: Int
        var key: Int
        var first: Int
        var last: Int
        var sealed: [UInt8]
    }

    /// The segments after a row, in the order in which they were written.
    static func segments(after row: Int, limit: Int, _ transaction: borrowing Transaction) throws -> [Segment] {
        try transaction.rows(
            "SELECT id, stream, first, last, events FROM segment WHERE id > ? ORDER BY id LIMIT ?", row, limit
        ) { row in
            Segment(
                row: try row.int(0), key: try row.int(1), first: try row.int(2), last: try row.int(3),
                sealed: try row.blob(4))
        }
    }

    /// The streams of a user, or of one conversation of theirs.
    static func streams(
        of owner: UserID, in conversation: ConversationID?, _ transaction: borrowing Transaction
    ) throws -> [StreamID] {
        try transaction.rows(
            "SELECT id FROM stream WHERE owner = ? AND (? IS NULL OR conversation = ?)", owner.text,
            conversation?.text, conversation?.text
        ) { try StreamID($0.text(0)) }.compactMap { $0 }
    }
}
