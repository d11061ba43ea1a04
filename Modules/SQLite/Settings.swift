import CSQLite
import Glibc

extension Database {
    /// How a database is opened.
    public struct Settings: Sendable, Hashable {
        /// The file, which is made with mode 0600 when there is none; its folder must be there.
        public var path: String
        /// Threads, each with a connection, that read beside the writer.
        public var readers = 2
        /// How long a write waits for another process.
        public var busyTimeout = Duration.seconds(5)
        /// How long a read may take.
        ///
        /// An open read keeps the log from being reused, so that it grows.
        public var readLimit = Duration.seconds(2)
        /// Callers whose writes share one commit, at most.
        public var batchWorks = 512
        /// Bytes that share one commit, as far as callers tell them; one caller may write more.
        public var batchBytes = 1 << 20
        /// The most pages the file may have, of 8192 bytes where it was made by this version; `nil` for as many as the disk
        /// has room for.
        public var maxPages: Int?

        public init(path: String) { self.path = path }

        /// The log's file, and that of the index into it.
        var companions: [String] { ["\(path)-wal", "\(path)-shm"] }

        /// Bytes of the log; 0 when there is none.
        var walBytes: Int { Self.size(of: "\(path)-wal") }

        static func size(of path: String) -> Int {
            var facts = stat()
            return stat(path, &facts) == 0 ? Int(facts.st_size) : 0
        }
    }

    /// What a writer did since it was opened.
    public struct Counts: Sendable, Hashable {
        /// Transactions that wrote.
        public var commits = 0
        /// Callers whose writes were committed.
        public var works = 0
        /// The most callers that shared a commit.
        public var largestBatch = 0
        /// Batches done again, since one of them failed.
        public var replays = 0
        /// Commits that failed as a whole.
        public var failures = 0
        /// Of those, the ones where the disk failed or the file was found damaged: reason to check it.
        public var damages = 0

        mutating func add(_ batch: Int) {
            commits += 1
            works += batch
            largestBatch = max(largestBatch, batch)
        }
    }
}

extension Database.Settings {
    /// Makes the file, for its owner alone, before SQLite would make it for all; what stands beside it takes its mode.
    func makeFile() throws(SQLiteError) {
        // Only one that is not there is opened: a close would drop the locks that this process has on it (POSIX, `fcntl`).
        let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 || errno == EEXIST else { throw failure("cannot be made") }
        if file >= 0 { close(file) }
        // A file's name is on the disk once its folder is.
        var folder = "."
        if let slash = path.lastIndex(of: "/") { folder = slash == path.startIndex ? "/" : String(path[..<slash]) }
        let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0, fsync(handle) == 0 else { throw failure("has a folder that cannot be read") }
        close(handle)
    }

    private func failure(_ what: String) -> SQLiteError {
        let reason = String(cString: strerror(errno))
        return SQLiteError(errno == ENOSPC ? .full : .cannotOpen, message: "'\(path)' \(what): \(reason)")
    }

    /// Sets the writer up: a log, each commit on the disk before it returns, keys that are held to.
    func prepare(_ connection: Connection) throws(SQLiteError) {
        // Only a database without tables takes this. A page holds some messages; the room that rows leave can be given
        // back in pieces.
        try connection.execute("PRAGMA page_size=8192; PRAGMA auto_vacuum=INCREMENTAL")
        guard try mode(of: connection) == .text("wal") else {
            throw SQLiteError(.cannotOpen, message: "'\(path)' cannot have a write-ahead log; is its disk a local one?")
        }
        // A page that changes often is moved from the log into the file once for all that stood in 32 MiB of log; the limit
        // gives back what the log took beyond that while a reader was in it.
        try connection.execute(
            """
            PRAGMA synchronous=FULL;
            PRAGMA wal_autocheckpoint=4000;
            PRAGMA journal_size_limit=33554432;
            PRAGMA foreign_keys=ON;
            PRAGMA temp_store=MEMORY;
            PRAGMA cache_size=-16384;
            PRAGMA secure_delete=FAST;
            PRAGMA trusted_schema=OFF;
            PRAGMA cell_size_check=ON;
            """)
        if let maxPages { _ = try connection.pragma(SQL(unchecked: "PRAGMA max_page_count=\(maxPages)")) }
    }

    /// How it is written, after it was asked to have a log.
    private func mode(of connection: Connection) throws(SQLiteError) -> Value {
        let deadline = ContinuousClock.now + busyTimeout
        while true {
            do throws(SQLiteError) {
                return try connection.pragma("PRAGMA journal_mode=WAL")
            } catch {
                // Of several that make the file at once, SQLite turns some away without waiting.
                guard error.kind == .busy, ContinuousClock.now < deadline else { throw error }
                usleep(1000)
            }
        }
    }

    /// A connection that cannot write.
    func reading() throws(SQLiteError) -> Connection {
        // Not opened for reading alone: it may have to make the index into the log.
        let connection = try Connection(path: path, .readWrite, busyTimeout: busyTimeout)
        try connection.execute(
            """
            PRAGMA query_only=ON;
            PRAGMA temp_store=MEMORY;
            PRAGMA cache_size=-8192;
            PRAGMA trusted_schema=OFF;
            PRAGMA cell_size_check=ON;
            """)
        return connection
    }
}

extension Connection {
    /// The one value that a pragma answers.
    func pragma(_ sql: SQL) throws(SQLiteError) -> Value {
        let statement = try take(sql)
        defer { putBack(statement) }
        let code = sqlite3_step(statement.pointer)
        guard code == SQLITE_ROW else {
            if code == SQLITE_DONE { return .null }
            throw error(code, sql)
        }
        return try Row(statement, sql).value(0)
    }
}
