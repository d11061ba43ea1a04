import Glibc

/// Copies, checks and the log.
extension Database {
    /// Copies the whole database as it is at one moment into a file of its own, while others go on reading and writing.
    ///
    /// The copy appears under its name once it is whole and on the disk, with mode 0600. While it is made, the log grows
    /// by what is written.
    ///
    /// - Throws: ``SQLiteError``, with `cannotOpen` when there is such a file already.
    public func backup(to path: String) async throws {
        let settings = settings
        try await onThread(named: "sqlite-backup") { () throws(SQLiteError) in
            var copy = Settings(path: "\(path).partial")
            copy.busyTimeout = .zero
            guard access(path, F_OK) != 0 else {
                throw SQLiteError(.cannotOpen, message: "'\(path)' is there already; name another file")
            }
            for leftover in [copy.path] + copy.companions { unlink(leftover) }
            do throws(SQLiteError) {
                try copy.makeFile()
                try settings.copy(to: copy)
                guard rename(copy.path, path) == 0 else {
                    throw SQLiteError(.cannotOpen, message: "'\(path)': \(String(cString: strerror(errno)))")
                }
                try Settings(path: path).makeFile()
            } catch {
                for leftover in [copy.path] + copy.companions { unlink(leftover) }
                throw error
            }
        }
    }

    /// SQLite's own check of the file.
    ///
    /// - Parameters:
    ///   - isThorough: whether indices are compared with their tables too, which takes several times as long.
    ///   - limit: how long it may take.
    /// - Returns: at most 100 sentences about what is damaged; none when all is well.
    /// - Throws: ``SQLiteError`` `timedOut`; `corrupt` when it cannot even be looked at.
    public func check(isThorough: Bool, within limit: Duration = .seconds(3600)) async throws -> [String] {
        let settings = settings
        return try await onThread(named: "sqlite-check") { () throws(SQLiteError) in
            let connection = try settings.reading()
            connection.limit(limit)
            let sql: SQL = isThorough ? "PRAGMA integrity_check(100)" : "PRAGMA quick_check(100)"
            let transaction = Transaction(connection)
            let sentences = try transaction.texts(sql)
            return sentences == ["ok"] ? [] : sentences
        }
    }

    /// Moves the log into the file and gives its room back.
    ///
    /// - Throws: ``SQLiteError`` `busy` while a reader is in the log.
    public func checkpoint() async throws {
        let writer = writer
        try await alone { _ in try writer.checkpoint() }
    }

    /// Gives pages that hold nothing back to the disk.
    ///
    /// - Parameter pages: how many at most, so that others wait shortly.
    /// - Returns: how many are left.
    /// - Throws: ``SQLiteError``.
    public func shrink(pages: Int) async throws -> Int {
        let sql = SQL(unchecked: "PRAGMA incremental_vacuum(\(max(1, pages)))")
        return try await write { transaction in
            try transaction.run(sql)
            return try transaction.row("PRAGMA freelist_count") { row in try row.int(0) } ?? 0
        }
    }

    /// Does something that blocks on a thread made for it.
    private func onThread<Result: Sendable>(
        named name: String, _ body: @escaping @Sendable () throws(SQLiteError) -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { (caller: CheckedContinuation<Result, any Error>) in
            Thread.start(named: name) {
                do throws(SQLiteError) {
                    caller.resume(returning: try body())
                } catch {
                    caller.resume(throwing: error)
                }
            }
        }
    }
}

extension Database.Settings {
    fileprivate func copy(to other: Database.Settings) throws(SQLiteError) {
        let source = try reading()
        // Held while pages are copied: every one of them is of the same moment.
        try source.execute("BEGIN")
        _ = try source.pragma("SELECT count(*) FROM sqlite_schema")
        let target = try Connection(path: other.path, .readWrite, busyTimeout: .zero)
        try target.execute("PRAGMA synchronous=FULL; PRAGMA journal_mode=MEMORY")
        try target.copy(from: source)
        try source.execute("COMMIT")
        let transaction = Transaction(target)
        let findings = try transaction.texts("PRAGMA quick_check(1)")
        guard findings == ["ok"] else {
            throw SQLiteError(.corrupt, message: "the copy is damaged: \(findings.joined(separator: "; "))")
        }
    }
}

extension Transaction {
    /// The first column of all rows.
    borrowing func texts(_ sql: SQL) throws(SQLiteError) -> [String] {
        do {
            return try rows(sql) { row in try row.text(0) }
        } catch let error as SQLiteError {
            throw error
        } catch {
            throw SQLiteError(.other, message: "\(error)")
        }
    }
}
