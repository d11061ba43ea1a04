import Core
import Encryption
public import Persistence
import SQLite

/// What operators and programs need.
extension SQLiteStore {
    public func unfinished(limit: Int) async throws(StoreError) -> [Message] {
        let (keyring, node) = (keyring, node?.text)
        return try await read { transaction in
            try transaction.rows(Self.open, node, max(1, limit)) { row in try Message(row, keyring) }
        }
    }

    /// Those of other processes; without a process, those of any.
    private static let open = SQL(
        unchecked: """
            SELECT \(Message.columns) FROM message INDEXED BY message_open
            WHERE state = 'streaming' AND role = 'assistant' AND node IS NOT ? ORDER BY created_at LIMIT ?
            """)

    // MARK: Purging

    public func purge(_ policy: RetentionPolicy) async throws(StoreError) -> PurgeCounts {
        let now = now()
        var counts = PurgeCounts()
        if let age = policy.conversations {
            let end = now - age
            try await step { transaction in
                let old = try transaction.rows(
                    "SELECT id FROM conversation WHERE updated_at < ? LIMIT 50", end.milliseconds
                ) { row in try row.text(0) }
                var done = PurgeCounts(conversations: old.count)
                for id in old {
                    let (messages, keys) = try transaction.delete(conversation: id)
                    done.messages += messages
                    done.keys += keys
                }
                return done
            } adding: {
                counts.add($0)
            }
        }
        if let age = policy.cases {
            let end = now - age
            try await step { transaction in
                let old = try transaction.rows(
                    "SELECT id FROM case_file WHERE updated_at < ? LIMIT 50", end.milliseconds
                ) { row in try row.text(0) }
                var done = PurgeCounts(cases: old.count)
                for id in old { done.results += try transaction.delete(case: id) }
                return done
            } adding: {
                counts.add($0)
            }
        }
        try await step { transaction in
            let keys = try transaction.run(
                """
                DELETE FROM idempotency_key WHERE (owner, key_print) IN
                    (SELECT owner, key_print FROM idempotency_key WHERE ends_at <= ? LIMIT 500)
                """, now.milliseconds)
            return PurgeCounts(keys: keys)
        } adding: {
            counts.add($0)
        }
        return counts
    }

    /// Writes until a step has nothing more to do.
    private func step(
        _ body: @escaping @Sendable (borrowing Transaction) throws -> PurgeCounts, adding: (PurgeCounts) -> Void
    ) async throws(StoreError) {
        while true {
            let done = try await write(body)
            guard done != PurgeCounts() else { return }
            adding(done)
        }
    }

    // MARK: Keys

    public func reencrypt(limit: Int) async throws(StoreError) -> Int {
        let (keyring, current) = (keyring, Int64(keyring.currentKey.number))
        var room = max(1, limit)
        for table in SealedTable.allCases where room > 0 {
            let most = room
            let old = try await read { transaction in
                try transaction.rows(table.sealedOtherwise, current, most) { row in
                    (place: try row.int64(0), name: try row.text(1), body: try row.blob(2))
                }
            }
            room -= old.count
            let new = old.compactMap { place, name, body -> (Int64, old: [UInt8], new: Sealed)? in
                guard let plain = try? keyring.open(body, at: table.place(name)) else { return nil }
                return (place, body, Sealed(bytes: keyring.seal(plain, at: table.place(name))))
            }
            guard !new.isEmpty else { continue }
            try await write(bytes: new.reduce(0) { $0 + $1.new.bytes.count }) { transaction in
                for (place, old, new) in new {
                    try transaction.run(table.resealing, new.key, new.bytes, place, old)
                }
            }
        }
        return try await read { transaction in
            try SealedTable.allCases.reduce(0) { sum, table in
                sum + (try transaction.row(table.countOtherwise, current) { row in try row.int(0) } ?? 0)
            }
        }
    }

    // MARK: Room

    public func optimise() async throws(StoreError) {
        do {
            try await database.alone { try $0.execute("PRAGMA optimize") }
            var left = Int.max
            while left > 0 {
                let before = left
                left = try await database.shrink(pages: 256)
                if left >= before { break }
            }
            try await database.checkpoint()
        } catch let error as SQLiteError where error.kind == .busy {
            // A reader is still in the log: it is given back the next time.
        } catch {
            throw StoreError(ofFile: error)
        }
    }

    public func statistics() async throws(StoreError) -> StoreStatistics {
        let rows = try await read { transaction in
            var rows: [String: Int] = [:]
            for (name, sql) in Self.counts { rows[name] = try transaction.row(sql) { row in try row.int(0) } }
            return rows
        }
        return StoreStatistics(
            rows: rows, bytes: database.bytes, walBytes: database.walBytes,
            freeBytes: Ballast.freeBytes(beside: database.settings.path))
    }

    private static let counts: [(String, SQL)] = [
        ("conversation", "SELECT count(*) FROM conversation"), ("message", "SELECT count(*) FROM message"),
        ("idempotency_key", "SELECT count(*) FROM idempotency_key"), ("case", "SELECT count(*) FROM case_file"),
        ("stage_result", "SELECT count(*) FROM stage_result"), ("onboarding", "SELECT count(*) FROM onboarding"),
        ("user", "SELECT count(*) FROM account"),
    ]

    /// Copies the whole store into a file of its own while it is in use; see ``SQLite/Database/backup(to:)``.
    ///
    /// The queue in the same file is part of the copy, and so is the text, sealed as it is.
    ///
    /// - Throws: ``StoreError/full`` when there is no room for it, ``StoreError/unavailable(_:)``.
    public func backup(to path: String) async throws(StoreError) {
        do {
            try await database.backup(to: path)
        } catch {
            throw StoreError(ofFile: error)
        }
    }
}

extension SealedTable {
    fileprivate var sealedOtherwise: SQL {
        SQL(unchecked: "SELECT place, id, body FROM \(rawValue) WHERE key != ? LIMIT ?")
    }

    /// Leaves a row alone that was written anew meanwhile.
    fileprivate var resealing: SQL {
        SQL(unchecked: "UPDATE \(rawValue) SET key = ?, body = ? WHERE place = ? AND body = ?")
    }

    fileprivate var countOtherwise: SQL { SQL(unchecked: "SELECT count(*) FROM \(rawValue) WHERE key != ?") }
}

extension PurgeCounts {
    fileprivate mutating func add(_ other: PurgeCounts) {
        conversations += other.conversations
        messages += other.messages
        cases += other.cases
        results += other.results
        keys += other.keys
    }
}

extension Timestamp {
    /// So long before; stays at the first moment where it would run past it.
    fileprivate static func - (moment: Timestamp, duration: Duration) -> Timestamp { moment + (.zero - duration) }
}
