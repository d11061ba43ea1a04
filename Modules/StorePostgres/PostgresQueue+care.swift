import Core
import Encryption
public import Persistence
import PostgreSQL

/// What operators see and do.
extension PostgresQueue {
    public func jobs(
        in state: JobState, of kind: JobKind?, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<JobRecord> {
        let place = try cursor.place { JobID($0) }
        let source = state == .dead ? JobRecord.dead : JobRecord.live
        let filter = state == .dead ? "true" : "state = \(state == .leased ? 1 : 0)"
        return try await run(within: .seconds(30)) { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    unchecked: """
                        \(source) WHERE \(filter) AND ($1::uuid IS NULL OR id > $1) AND ($2::text IS NULL OR kind = $2)
                         ORDER BY id LIMIT $3
                        """, [.uuid(ifAny: place?.text), .text(ifAny: kind?.rawValue), .int(rowsToRead(limit))]))
            let items = try rows.prefix(max(1, limit)).map { row throws(StoreError) in try JobRecord(row) }
                .compactMap(\.self)
            return Page(items: items, next: rows.count > max(1, limit) ? items.last?.id.text : nil)
        }
    }

    public func job(_ id: JobID) async throws(StoreError) -> JobRecord {
        try await record("id = $1", .uuid(id.text))
    }

    /// The job with a unique key: that which is ready or leased, or else the last that became a dead letter.
    ///
    /// - Throws: ``StoreError/notFound``.
    public func job(withKey uniqueKey: String) async throws(StoreError) -> JobRecord {
        try await record("unique_key = $1", .text(uniqueKey))
    }

    private func record(_ condition: String, _ value: Value) async throws(StoreError) -> JobRecord {
        try await run { transaction throws(StoreError) in
            let found = try transaction.finish([
                Statement(unchecked: "\(JobRecord.live) WHERE \(condition)", [value]),
                Statement(unchecked: "\(JobRecord.dead) WHERE \(condition) ORDER BY id DESC LIMIT 1", [value]),
            ])
            guard let row = found[0].first ?? found[1].first, let record = try JobRecord(row) else { throw .notFound }
            return record
        }
    }

    public func reveal(_ id: JobID, by actor: String) async throws(StoreError) -> [UInt8]? {
        let sealed: [UInt8] = try await run { transaction throws(StoreError) in
            let rows = try transaction.run(
                Statement(
                    """
                    SELECT kind, payload FROM medstream.job WHERE id = $1
                    UNION ALL SELECT kind, payload FROM medstream.job_dead WHERE id = $1
                    """, [.uuid(id.text)]))
            guard let row = rows.first else { throw .notFound }
            _ = try transaction.finish(.note(.reveal, id, try row.get(0), by: actor))
            return try row.get(1)
        }
        return try? keyring.open(sealed, at: Keyring.place(.job, id.text))
    }

    public func replay(_ id: JobID) async throws(StoreError) -> Bool {
        try await run { transaction throws(StoreError) in
            let rows = try transaction.run([
                Statement("SELECT 1 FROM medstream.job_dead WHERE id = $1 FOR UPDATE", [.uuid(id.text)]),
                Statement(Self.replaying, [.uuids([id.text])]),
            ])
            guard !rows[0].isEmpty else { throw .notFound }
            return rows[1].affected > 0
        }
    }

    public func replayAll(_ kind: JobKind) async throws(StoreError) -> Int {
        var (count, place) = (0, "00000000-0000-0000-0000-000000000000")
        while true {
            let start = place
            let (replayed, last) = try await run(within: .seconds(30)) { transaction throws(StoreError) in
                let rows = try transaction.run(
                    Statement(
                        """
                        SELECT id FROM medstream.job_dead WHERE kind = $1 AND id > $2 ORDER BY id LIMIT 500 FOR UPDATE
                        """, [.text(kind.rawValue), .uuid(start)]))
                let ids = try rows.map { row throws(StoreError) in try row.get(0, as: String.self) }
                guard !ids.isEmpty else { return (0, nil as String?) }
                return (try transaction.finish(Statement(Self.replaying, [.uuids(ids)])).affected, ids.last)
            }
            count += replayed
            guard let last else { return count }
            place = last
        }
    }

    /// Puts dead letters back whose keys are free, in the order of their ids.
    private static let replaying: StaticString = """
        WITH back AS (
          INSERT INTO medstream.job (id, kind, unique_key, group_key, priority, created_at, failures, payload, key)
          SELECT id, kind, unique_key, group_key, priority, created_at, failures, payload, key
            FROM medstream.job_dead WHERE id = ANY($1) ORDER BY id
          ON CONFLICT DO NOTHING RETURNING id)
        DELETE FROM medstream.job_dead d USING back WHERE d.id = back.id
        """

    public func drop(_ id: JobID, by actor: String) async throws(StoreError) {
        try await run { transaction throws(StoreError) in
            let rows = try transaction.run(
                Statement("DELETE FROM medstream.job_dead WHERE id = $1 RETURNING kind", [.uuid(id.text)]))
            guard let row = rows.first else { throw .notFound }
            _ = try transaction.finish(.note(.drop, id, try row.get(0), by: actor))
        }
    }

    public func forget(group: String) async throws(StoreError) -> Int {
        try await run(within: .seconds(30)) { transaction throws(StoreError) in
            try transaction.finish([
                Statement("DELETE FROM medstream.job WHERE group_key = $1", [.text(group)]),
                Statement("DELETE FROM medstream.job_dead WHERE group_key = $1", [.text(group)]),
            ]).reduce(0) { $0 + $1.affected }
        }
    }

    public func reencrypt(limit: Int) async throws(StoreError) -> Int {
        try await database.pool.reencrypt(SealedColumn.ofQueue, keyring, hasRoles: database.hasRoles, limit: limit)
    }

    public func statistics() async throws(StoreError) -> [KindStatistics] {
        try await run(within: .seconds(30)) { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    """
                    SELECT kind, sum(due)::bigint, sum(delayed)::bigint, sum(leased)::bigint, sum(dead)::bigint,
                        (extract(epoch FROM min(oldest)) * 1000)::bigint, (extract(epoch FROM min(taken)) * 1000)::bigint
                      FROM (
                        SELECT kind, count(*) FILTER (WHERE state = 0 AND (run_at IS NULL OR run_at <= now())) AS due,
                            count(*) FILTER (WHERE state = 0 AND run_at > now()) AS delayed,
                            count(*) FILTER (WHERE state = 1) AS leased, 0 AS dead,
                            min(created_at) AS oldest, min(leased_at) AS taken
                          FROM medstream.job GROUP BY kind
                        UNION ALL
                        SELECT kind, 0, 0, 0, count(*), NULL, NULL FROM medstream.job_dead GROUP BY kind) counts
                     GROUP BY kind ORDER BY kind COLLATE "C"
                    """))
            return try rows.map { row throws(StoreError) in try KindStatistics(row) }.compactMap(\.self)
        }
    }

    public func audit(limit: Int) async throws(StoreError) -> [QueueAuditEntry] {
        try await run { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    """
                    SELECT (extract(epoch FROM at) * 1000)::bigint, actor, action, job, kind FROM medstream.job_audit
                     ORDER BY number DESC LIMIT $1
                    """, [.int(max(1, limit))]))
            return try rows.map { row throws(StoreError) in try QueueAuditEntry(row) }.compactMap(\.self)
        }
    }
}

// MARK: - Rows

extension Statement {
    fileprivate static func note(
        _ action: QueueAuditEntry.Action, _ id: JobID, _ kind: String, by actor: String
    ) -> Statement {
        Statement(
            "INSERT INTO medstream.job_audit (actor, action, job, kind) VALUES ($1, $2, $3, $4)",
            [
                .text(actor.replacing("\u{0}", with: "\u{FFFD}")), .text(action.rawValue), .uuid(id.text), .text(kind),
            ])
    }
}

extension JobRecord {
    fileprivate static let live = """
        SELECT id, kind, state::bigint, unique_key, group_key, priority, attempt, deliveries, length(payload),
            (extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM run_at) * 1000)::bigint, worker,
            NULL::bigint, failures
          FROM medstream.job
        """
    fileprivate static let dead = """
        SELECT id, kind, 2::bigint, unique_key, group_key, priority, attempt, deliveries, length(payload),
            (extract(epoch FROM created_at) * 1000)::bigint, NULL::bigint, NULL::uuid,
            (extract(epoch FROM died_at) * 1000)::bigint, failures
          FROM medstream.job_dead
        """

    fileprivate init?(_ row: Row) throws(StoreError) {
        func time(_ column: Int) throws(StoreError) -> Timestamp? {
            try row.get(column, as: Int?.self).map { Timestamp(milliseconds: Int64($0)) }
        }
        let states = [JobState.ready, .leased, .dead]
        let state = try row.get(2, as: Int.self)
        guard let id = JobID(try row.get(0)), let kind = JobKind(rawValue: try row.get(1)),
            states.indices.contains(state), let createdAt = try time(9)
        else { return nil }
        self.init(
            id: id, kind: kind, state: states[state], uniqueKey: try row.get(3), group: try row.get(4),
            priority: JobPriority(rawValue: try row.get(5)) ?? .normal, attempt: try row.get(6),
            deliveries: try row.get(7), payloadBytes: try row.get(8), createdAt: createdAt, dueAt: try time(10),
            worker: try row.get(11, as: String?.self).flatMap { WorkerID($0) }, diedAt: try time(12),
            failures: JobFailure.read(try row.get(13, as: String?.self) ?? ""))
    }
}

extension JobFailure {
    /// One a line: the time in milliseconds, a space, the reason.
    fileprivate static func read(_ lines: String) -> [JobFailure] {
        lines.split(separator: "\n").compactMap { line in
            guard let space = line.firstIndex(of: " "), let time = Int64(line[..<space]) else { return nil }
            return JobFailure(
                at: Timestamp(milliseconds: time), reason: FailureReason(String(line[line.index(after: space)...])))
        }
    }
}

extension KindStatistics {
    fileprivate init?(_ row: Row) throws(StoreError) {
        guard let kind = JobKind(rawValue: try row.get(0)) else { return nil }
        func time(_ column: Int) throws(StoreError) -> Timestamp? {
            try row.get(column, as: Int?.self).map { Timestamp(milliseconds: Int64($0)) }
        }
        self.init(
            kind, due: try row.get(1), delayed: try row.get(2), leased: try row.get(3), dead: try row.get(4),
            oldest: try time(5), oldestLease: try time(6))
    }
}

extension QueueAuditEntry {
    fileprivate init?(_ row: Row) throws(StoreError) {
        guard let action = Action(rawValue: try row.get(2)), let job = JobID(try row.get(3)),
            let kind = JobKind(rawValue: try row.get(4))
        else { return nil }
        self.init(
            at: Timestamp(milliseconds: Int64(try row.get(0, as: Int.self))), actor: try row.get(1), action: action,
            job: job, kind: kind)
    }
}
