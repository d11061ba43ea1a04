import CSQLite
import Glibc

/// One connection with the statements it has prepared; confined to the thread that opened it.
final class Connection {
    /// The `sqlite3 *`, visible in this file alone; `nil` once it is closed, which SQLite takes for a misuse.
    private var pointer: OpaquePointer?
    private var prepared: [SQL: Prepared] = [:]
    /// When the running read has taken too long, on the clock that does not stop; 0 for never.
    private let deadline: UnsafeMutablePointer<UInt64>
    /// Texts run by ``execute(_:)``, of which SQLite does not always count the rows.
    private var scripts: Int64 = 0
    /// What statements cost so far, in steps of SQLite's machine.
    private(set) var steps = 0

    /// Statements kept prepared; the least recent are not known, so past it all are let go.
    private static let maxPrepared = 256

    /// Sets the library up, once in a process; when somebody used it before, it stays as it is.
    private static let configured = medstream_sqlite_configure()

    private static func configure() { _ = configured }

    enum Mode {
        /// Makes the file when there is none.
        case readWrite
        case readOnly
    }

    init(path: String, _ mode: Mode, busyTimeout: Duration) throws(SQLiteError) {
        Self.configure()
        let flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE
        let access = mode == .readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        var pointer: OpaquePointer?
        let code = sqlite3_open_v2(path, &pointer, flags | access, nil)
        guard code == SQLITE_OK, let pointer else {
            let message = pointer.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(pointer)
            throw SQLiteError(code: code, message: "\(message): '\(path)'", sql: nil)
        }
        self.pointer = pointer
        deadline = .allocate(capacity: 1)
        deadline.initialize(to: 0)
        sqlite3_busy_timeout(pointer, Int32(clamping: busyTimeout.milliseconds))
        _ = medstream_sqlite_defend(pointer)
        // Each 2,000 steps of SQLite's machine, which is about 20 µs.
        sqlite3_progress_handler(pointer, 2000, isOverdue, deadline)
    }

    deinit {
        close()
        deadline.deallocate()
    }

    /// Closes the file; nothing may be run after it.
    func close() {
        letGo()
        sqlite3_close_v2(pointer)
        pointer = nil
    }

    /// Has statements fail that still run after so long; `nil` takes the bound away.
    func limit(_ duration: Duration?) {
        deadline.pointee = duration.map { monotonicNanoseconds() &+ UInt64(max(0, $0.nanoseconds)) } ?? 0
    }

    /// Whether no transaction is open, as after SQLite rolled one back by itself.
    var isIdle: Bool { sqlite3_get_autocommit(pointer) != 0 }

    /// A number that rises with everything that may have been written.
    var marks: Int64 { sqlite3_total_changes64(pointer) + scripts }

    /// Rows the last statement wrote.
    var lastChanges: Int { Int(sqlite3_changes64(pointer)) }

    func setBusyTimeout(_ duration: Duration) {
        sqlite3_busy_timeout(pointer, Int32(clamping: duration.milliseconds))
    }

    // MARK: Statements

    /// The statement of a text, prepared now or before, until it is put back.
    func take(_ sql: SQL) throws(SQLiteError) -> Prepared {
        let known = prepared[sql]
        if let known, !known.isTaken {
            known.isTaken = true
            return known
        }
        var pointer: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        let code = sqlite3_prepare_v3(self.pointer, sql.text, -1, flags, &pointer, nil)
        guard code == SQLITE_OK, let pointer else { throw error(code, sql) }
        // A closure that goes through its rows may run the same text again: that one is not kept.
        let statement = Prepared(pointer, isKept: known == nil)
        if statement.isKept {
            if prepared.count >= Self.maxPrepared { letGo() }
            prepared[sql] = statement
        }
        return statement
    }

    /// Makes a statement ready for its next use, and forgets its values.
    func putBack(_ statement: Prepared) {
        steps += Int(sqlite3_stmt_status(statement.pointer, SQLITE_STMTSTATUS_VM_STEP, 1))
        sqlite3_reset(statement.pointer)
        sqlite3_clear_bindings(statement.pointer)
        statement.isTaken = false
        if !statement.isKept { sqlite3_finalize(statement.pointer) }
    }

    /// Runs a text of any number of statements without parameters, and lets their rows fall.
    func execute(_ script: SQL) throws(SQLiteError) {
        scripts += 1
        let code = sqlite3_exec(pointer, script.text, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code, script) }
    }

    /// What the last call failed with.
    func error(_ code: Int32, _ sql: SQL?) -> SQLiteError {
        SQLiteError(code: code, message: String(cString: sqlite3_errmsg(pointer)), sql: sql?.text)
    }

    private func letGo() {
        for statement in prepared.values {
            statement.isKept = false
            if !statement.isTaken { sqlite3_finalize(statement.pointer) }
        }
        prepared = [:]
    }

    // MARK: Copies and the log

    /// Copies pages of another connection's database over this one's until all are there.
    func copy(from source: Connection) throws(SQLiteError) {
        guard let backup = sqlite3_backup_init(pointer, "main", source.pointer, "main") else {
            throw error(sqlite3_extended_errcode(pointer), nil)
        }
        var code: Int32
        repeat { code = sqlite3_backup_step(backup, 1024) } while code == SQLITE_OK
        let end = sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE, end == SQLITE_OK else { throw error(code == SQLITE_DONE ? end : code, nil) }
    }

    /// Moves the log's pages into the file; `isTruncating` also gives its room back, and waits for readers.
    func checkpoint(isTruncating: Bool) throws(SQLiteError) {
        let mode = isTruncating ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
        let code = sqlite3_wal_checkpoint_v2(pointer, nil, mode, nil, nil)
        guard code == SQLITE_OK else { throw error(code, nil) }
    }
}

/// A prepared statement; its connection frees it.
final class Prepared {
    let pointer: OpaquePointer
    /// Whether somebody runs it.
    fileprivate var isTaken = true
    /// Whether it is kept for its next use.
    fileprivate var isKept: Bool

    fileprivate init(_ pointer: OpaquePointer, isKept: Bool) {
        self.pointer = pointer
        self.isKept = isKept
    }
}

/// Called by SQLite now and then while a statement runs; other than 0 ends it.
private func isOverdue(_ context: UnsafeMutableRawPointer?) -> Int32 {
    guard let deadline = context?.load(as: UInt64.self), deadline != 0 else { return 0 }
    return monotonicNanoseconds() > deadline ? 1 : 0
}

private func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }

    var nanoseconds: Int64 {
        let (scaled, overflows) = components.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflows ? .max : scaled + components.attoseconds / 1_000_000_000
    }
}
