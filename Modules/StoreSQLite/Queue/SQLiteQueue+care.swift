import Core
import Encryption
public import Persistence
package import SQLite

/// What operators see and do.
extension SQLiteQueue {
    public func jobs(
        in state: JobState, of kind: JobKind?, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<JobRecord> {
        guard cursor.map({ JobID($0) != nil }) ?? true else { throw .notFound }
        let limit = max(1, limit)
        let records = try await read(within: .seconds(30)) { transaction in
            try transaction.rows(Self.list(state), cursor ?? "", kind?.rawValue, limit + 1) { row in
                try Self.record(row, state)
            }
        }
        let page = Array(records.compactMap { $0 }.prefix(limit))
        return Page(items: page, next: records.count > limit ? page.last?.id.text : nil)
    }

    private static func list(_ state: JobState) -> SQL {
        switch state {
        case .ready:
            """
            SELECT id, kind, unique_key, group_key, priority, attempt, deliveries, failures, created_at,
                length(payload), run_at, NULL FROM job
            WHERE lease IS NULL AND id > ?1 AND kind = coalesce(?2, kind) ORDER BY id LIMIT ?3
            """
        case .leased:
            """
            SELECT id, kind, unique_key, group_key, priority, attempt, deliveries, failures, created_at,
                length(payload), 0, worker FROM job INDEXED BY job_leased JOIN job_lease ON token = lease
            WHERE lease IS NOT NULL AND id > ?1 AND kind = coalesce(?2, kind) ORDER BY id LIMIT ?3
            """
        case .dead:
            """
            SELECT id, kind, unique_key, group_key, priority, attempt, deliveries, failures, created_at,
                length(payload), died_at, NULL FROM job_dead
            WHERE id > ?1 AND kind = coalesce(?2, kind) ORDER BY id LIMIT ?3
            """
        }
    }

    private static func record(_ row: borrowing Row, _ state: JobState) throws -> JobRecord? {
        guard let id = JobID(try row.text(0)), let kind = JobKind(rawValue: try row.text(1)) else { return nil }
        let time = try row.int64(10)
        let moment = time == 0 ? nil : Timestamp(milliseconds: time)
        return JobRecord(
            id: id, kind: kind, state: state, uniqueKey: try row.optionalText(2) ?? id.text,
            group: try row.optionalText(3), priority: JobPriority(rawValue: try row.int(4)) ?? .normal,
            attempt: try row.int(5), deliveries: try row.int(6), payloadBytes: try row.int(9),
            createdAt: Timestamp(milliseconds: try row.int64(8)), dueAt: state == .ready ? moment : nil,
            worker: try row.optionalText(11).flatMap { WorkerID($0) }, diedAt: state == .dead ? moment : nil,
            failures: Failures.read(try row.text(7)))
    }

    public func job(withKey uniqueKey: String) async throws(StoreError) -> JobRecord {
        let id = try await read { transaction -> String? in
            // A job that was given no key is known by its id.
            try transaction.row(
                """
                SELECT id FROM (
                    SELECT 0 AS rank, id FROM job WHERE unique_key = ?1
                    UNION ALL SELECT 0, id FROM job WHERE id = ?1 AND unique_key IS NULL
                    UNION ALL SELECT 1, id FROM job_dead WHERE unique_key = ?1 AND unique_key IS NOT NULL
                    UNION ALL SELECT 1, id FROM job_dead WHERE id = ?1 AND unique_key IS NULL)
                ORDER BY rank, id DESC LIMIT 1
                """, uniqueKey
            ) { row in try row.text(0) }
        }
        guard let id = id.flatMap({ JobID($0) }) else { throw .notFound }
        return try await job(id)
    }

    public func job(_ id: JobID) async throws(StoreError) -> JobRecord {
        let record = try await read { transaction -> JobRecord? in
            for (state, sql) in Self.one {
                if let record = try transaction.row(sql, id.text, read: { row in try Self.record(row, state) }) {
                    return record
                }
            }
            return nil
        }
        guard let record else { throw .notFound }
        return record
    }

    private static let one: [(JobState, SQL)] = [
        (
            .ready,
            """
            SELECT id, kind, unique_key, group_key, priority, attempt, deliveries, failures, created_at,
                length(payload), run_at, NULL FROM job WHERE id = ? AND lease IS NULL
            """
        ),
        (
            .leased,
            """
            SELECT id, kind, unique_key, group_key, priority, attempt, deliveries, failures, created_at,
                length(payload), 0, worker FROM job LEFT JOIN job_lease ON token = lease
            WHERE id = ? AND lease IS NOT NULL
            """
        ),
        (
            .dead,
            """
            SELECT id, kind, unique_key, group_key, priority, attempt, deliveries, failures, created_at,
                length(payload), died_at, NULL FROM job_dead WHERE id = ?
            """
        ),
    ]

    public func reveal(_ id: JobID, by actor: String) async throws(StoreError) -> [UInt8]? {
        let now = clock.wall()
        let sealed = try await write { transaction -> [UInt8] in
            let found = try transaction.row(
                """
                SELECT kind, payload FROM job WHERE id = ?1
                UNION ALL SELECT kind, payload FROM job_dead WHERE id = ?1
                """, id.text
            ) { row in (try row.text(0), try row.blob(1)) }
            guard let found else { throw StoreError.notFound }
            try Self.note(.reveal, id, found.0, by: actor, at: now, in: transaction)
            return found.1
        }
        return try? keyring.open(sealed, at: .payload(of: id))
    }

    private static func note(
        _ action: QueueAuditEntry.Action, _ id: JobID, _ kind: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(SQLiteError) {
        try transaction.run(
            "INSERT INTO job_audit(at, actor, action, job, kind) VALUES (?, ?, ?, ?, ?)", now.milliseconds, actor,
            action.rawValue, id.text, kind)
    }

    public func replay(_ id: JobID) async throws(StoreError) -> Bool {
        let now = clock.wall()
        return try await write { transaction in try Self.replay(id.text, at: now, in: transaction) }
    }

    private static func replay(
        _ id: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws -> Bool {
        let isBack = try transaction.run(
            """
            INSERT INTO job(id, kind, unique_key, group_key, priority, run_at, waits_since, failures, created_at, key,
                payload)
            SELECT id, kind, unique_key, group_key, priority, 0, ?, failures, created_at, key, payload
            FROM job_dead WHERE id = ? ON CONFLICT DO NOTHING
            """, now.milliseconds, id)
        if isBack > 0 {
            try transaction.run("DELETE FROM job_dead WHERE id = ?", id)
        } else if try !transaction.exists("SELECT 1 FROM job_dead WHERE id = ?", id) {
            throw StoreError.notFound
        }
        return isBack > 0
    }

    public func replayAll(_ kind: JobKind) async throws(StoreError) -> Int {
        var (count, place) = (0, "")
        while true {
            let (now, start) = (clock.wall(), place)
            // Some hundred in a transaction, so that nobody waits for it long.
            let (replayed, last) = try await write { transaction in
                let ids = try transaction.rows(
                    "SELECT id FROM job_dead WHERE kind = ? AND id > ? ORDER BY id LIMIT 500", kind.rawValue, start
                ) { row in try row.text(0) }
                var replayed = 0
                for id in ids where try Self.replay(id, at: now, in: transaction) { replayed += 1 }
                return (replayed, ids.last)
            }
            count += replayed
            guard let last else { return count }
            place = last
        }
    }

    public func drop(_ id: JobID, by actor: String) async throws(StoreError) {
        let now = clock.wall()
        try await write { transaction in
            let kind = try transaction.row("DELETE FROM job_dead WHERE id = ? RETURNING kind", id.text) { row in
                try row.text(0)
            }
            guard let kind else { throw StoreError.notFound }
            try Self.note(.drop, id, kind, by: actor, at: now, in: transaction)
        }
    }

    public func forget(group: String) async throws(StoreError) -> Int {
        try await write { transaction in try Self.forget(group: group, in: transaction) }
    }

    /// Deletes the jobs of a group within a transaction, as when the store deletes its user.
    package static func forget(
        group: String, in transaction: borrowing Transaction
    ) throws(SQLiteError) -> Int {
        let jobs = try transaction.run("DELETE FROM job WHERE group_key = ?", group)
        let dead = try transaction.run("DELETE FROM job_dead WHERE group_key = ?", group)
        return jobs + dead
    }

    public func reencrypt(limit: Int) async throws(StoreError) -> Int {
        let current = keyring.currentKey
        let old = try await read(within: .seconds(30)) { transaction in
            try transaction.rows(
                """
                SELECT id, payload FROM job WHERE key != ?1
                UNION ALL SELECT id, payload FROM job_dead WHERE key != ?1 LIMIT ?2
                """, Int64(current.number), max(1, limit)
            ) { row in (try row.text(0), try row.blob(1)) }
        }
        let resealed = old.compactMap { id, sealed -> (String, [UInt8], [UInt8])? in
            guard let job = JobID(id), let plain = try? keyring.open(sealed, at: .payload(of: job)) else { return nil }
            return (id, sealed, keyring.seal(plain, at: .payload(of: job)))
        }
        let number = Int64(current.number)
        return try await write(bytes: resealed.reduce(0) { $0 + $1.2.count }) { transaction in
            for (id, old, new) in resealed {
                try transaction.run(
                    "UPDATE job SET payload = ?, key = ? WHERE id = ? AND payload = ?", new, number, id, old)
                try transaction.run(
                    "UPDATE job_dead SET payload = ?, key = ? WHERE id = ? AND payload = ?", new, number, id, old)
            }
            return try transaction.row(
                """
                SELECT (SELECT count(*) FROM job WHERE key != ?1) + (SELECT count(*) FROM job_dead WHERE key != ?1)
                """, number
            ) { row in try row.int(0) } ?? 0
        }
    }

    public func statistics() async throws(StoreError) -> [KindStatistics] {
        let now = clock.wall()
        return try await read(within: .seconds(30)) { transaction in
            var all: [String: KindStatistics] = [:]
            for sql in Self.counts {
                try transaction.forEach(sql, now.milliseconds) { row in
                    let name = try row.text(0)
                    guard let kind = JobKind(rawValue: name) else { return true }
                    all[name, default: KindStatistics(kind)].add(
                        due: try row.int(1), delayed: try row.int(2), leased: try row.int(3), dead: try row.int(4),
                        oldest: try row.optionalInt(5), oldestLease: try row.optionalInt(6))
                    return true
                }
            }
            return all.values.sorted { $0.kind.rawValue < $1.kind.rawValue }
        }
    }

    /// Due and delayed ones, leased ones, dead ones.
    ///
    /// The first goes through an index alone, whatever the payloads weigh; the oldest job is the one put in first.
    package static let counts: [SQL] = [
        """
        SELECT kind, due, total - due, 0, 0, (SELECT created_at FROM job WHERE place = first), NULL
        FROM (SELECT kind, sum(run_at <= ?1) AS due, count(*) AS total, min(place) AS first
            FROM job INDEXED BY job_due WHERE lease IS NULL GROUP BY kind)
        """,
        """
        SELECT kind, 0, 0, count(*), 0, min(created_at), min(taken_at)
        FROM job INDEXED BY job_leased LEFT JOIN job_lease ON token = lease
        WHERE lease IS NOT NULL AND ?1 IS NOT NULL GROUP BY kind
        """,
        "SELECT kind, 0, 0, 0, count(*), NULL, NULL FROM job_dead WHERE ?1 IS NOT NULL GROUP BY kind",
    ]

    public func audit(limit: Int) async throws(StoreError) -> [QueueAuditEntry] {
        let entries = try await read { transaction in
            try transaction.rows(
                "SELECT at, actor, action, job, kind FROM job_audit ORDER BY place DESC LIMIT ?", max(0, limit)
            ) { row -> QueueAuditEntry? in
                guard let action = QueueAuditEntry.Action(rawValue: try row.text(2)), let id = JobID(try row.text(3)),
                    let kind = JobKind(rawValue: try row.text(4))
                else { return nil }
                return QueueAuditEntry(
                    at: Timestamp(milliseconds: try row.int64(0)), actor: try row.text(1), action: action, job: id,
                    kind: kind)
            }
        }
        return entries.compactMap { $0 }
    }
}

extension KindStatistics {
    fileprivate mutating func add(due: Int, delayed: Int, leased: Int, dead: Int, oldest: Int?, oldestLease: Int?) {
        self.due += due
        self.delayed += delayed
        self.leased += leased
        self.dead += dead
        self.oldest = [self.oldest, oldest.map { Timestamp(milliseconds: Int64($0)) }].compactMap { $0 }.min()
        self.oldestLease = [self.oldestLease, oldestLease.map { Timestamp(milliseconds: Int64($0)) }]
            .compactMap { $0 }.min()
    }
}
