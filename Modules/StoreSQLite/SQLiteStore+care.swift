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
            try await forEach(Self.oldConversations, before: now - age) { ids, end, transaction in
                var done = PurgeCounts()
                for id in ids where try transaction.exists(Self.isOldConversation, id, end.milliseconds) {
                    let (messages, keys) = try transaction.delete(conversation: id)
                    done.add(PurgeCounts(conversations: 1, messages: messages, keys: keys))
                }
                return done
            } adding: { done in
                counts.add(done)
            }
        }
        if let age = policy.cases {
            try await forEach(Self.oldCases, before: now - age) { ids, end, transaction in
                var done = PurgeCounts()
                for id in ids where try transaction.exists(Self.isOldCase, id, end.milliseconds) {
                    done.add(PurgeCounts(cases: 1, results: try transaction.delete(case: id)))
                }
                return done
            } adding: { done in
                counts.add(done)
            }
        }
        while true {
            let keys = try await write { transaction in try transaction.run(Self.oldKeys, now.milliseconds) }
            counts.keys += keys
            guard keys > 0 else { return counts }
        }
    }

    // Found by going through an index of all: that is for once an hour, and an index by age would cost every turn.
    private static let oldConversations: SQL = """
        SELECT id FROM conversation INDEXED BY conversation_list WHERE owner > '' AND updated_at < ? LIMIT 5000
        """
    private static let isOldConversation: SQL = "SELECT 1 FROM conversation WHERE id = ? AND updated_at < ?"
    private static let oldCases: SQL = """
        SELECT id FROM case_file INDEXED BY case_list WHERE owner > '' AND updated_at < ? LIMIT 5000
        """
    private static let isOldCase: SQL = "SELECT 1 FROM case_file WHERE id = ? AND updated_at < ?"
    private static let oldKeys: SQL = """
        DELETE FROM idempotency_key WHERE (owner, key_print) IN
            (SELECT owner, key_print FROM idempotency_key WHERE ends_at <= ? LIMIT 500)
        """

    /// Looks for rows, and has them deleted some at a time, until there are none.
    private func forEach(
        _ sql: SQL, before end: Timestamp,
        delete: @escaping @Sendable ([String], Timestamp, borrowing Transaction) throws -> PurgeCounts,
        adding: (PurgeCounts) -> Void
    ) async throws(StoreError) {
        while true {
            let old = try await read(within: .seconds(30)) { transaction in
                try transaction.rows(sql, end.milliseconds) { row in try row.text(0) }
            }
            guard !old.isEmpty else { return }
            for start in stride(from: 0, to: old.count, by: 50) {
                let ids = Array(old[start..<min(start + 50, old.count)])
                adding(try await write { transaction in try delete(ids, end, transaction) })
            }
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
        let rows = try await read(within: .seconds(30)) { transaction in
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
    /// Not `!=`, which looks at every row.
    var sealedOtherwise: SQL {
        SQL(unchecked: "SELECT place, id, body FROM \(rawValue) WHERE key < ?1 OR key > ?1 LIMIT ?2")
    }

    /// Leaves a row alone that was written anew meanwhile.
    fileprivate var resealing: SQL {
        SQL(unchecked: "UPDATE \(rawValue) SET key = ?, body = ? WHERE place = ? AND body = ?")
    }

    var countOtherwise: SQL { SQL(unchecked: "SELECT count(*) FROM \(rawValue) WHERE key < ?1 OR key > ?1") }
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
