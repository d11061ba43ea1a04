import Core
import Encryption
public import Persistence
import PostgreSQL

/// What operators need, in the name of no user.
extension PostgresStore {
    public func unfinished(limit: Int) async throws(StoreError) -> [Message] {
        let (keyring, own) = (keyring, node?.id.text)
        // Begun by a worker for a server that had spooled it; who that was is not known, and its end comes soon if ever.
        let late = now().milliseconds - 15_000
        return try await run(as: .care, within: .seconds(30)) { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    unchecked: """
                        SELECT \(Message.columns) FROM medstream.message
                         WHERE state = 'streaming' AND role = 'assistant' AND (
                           (node IS NULL AND created_at < $3) OR node IN (SELECT process FROM (
                             SELECT DISTINCT node AS process FROM medstream.message
                              WHERE state = 'streaming' AND node IS NOT NULL AND node IS DISTINCT FROM $1) processes
                            WHERE NOT medstream.is_alive(process)))
                         ORDER BY created_at, id LIMIT $2
                        """, [.uuid(ifAny: own), .int(max(1, limit)), .int(Int(late))]))
            return try rows.map { row throws(StoreError) in try Message(row, keyring) }
        }
    }

    public func purge(_ policy: RetentionPolicy) async throws(StoreError) -> PurgeCounts {
        let now = now()
        var counts = PurgeCounts()
        counts.keys = try await purge { _ in
            Statement(
                """
                WITH gone AS (DELETE FROM medstream.idempotency_key WHERE ctid = ANY(ARRAY(
                  SELECT ctid FROM medstream.idempotency_key WHERE ends_at <= $1 LIMIT 500)) RETURNING 1)
                SELECT count(*), 0::bigint FROM gone
                """, [.int(Int(now.milliseconds))])
        }.rows
        if let age = policy.conversations {
            (counts.conversations, counts.messages) = try await purge { limit in
                Statement(
                    """
                    WITH gone AS (SELECT id FROM medstream.conversation WHERE updated_at < $1
                        ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED),
                      said AS (DELETE FROM medstream.message USING gone WHERE conversation = gone.id RETURNING 1),
                      ended AS (DELETE FROM medstream.conversation c USING gone WHERE c.id = gone.id RETURNING 1)
                    SELECT (SELECT count(*) FROM ended), (SELECT count(*) FROM said)
                    """, [.int(Int((now + (.zero - age)).milliseconds)), .int(limit)])
            }
        }
        if let age = policy.cases {
            (counts.cases, counts.results) = try await purge { limit in
                Statement(
                    """
                    WITH gone AS (SELECT id FROM medstream.case_file WHERE updated_at < $1
                        ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED),
                      made AS (DELETE FROM medstream.stage_result USING gone WHERE case_file = gone.id RETURNING 1),
                      ended AS (DELETE FROM medstream.case_file c USING gone WHERE c.id = gone.id RETURNING 1)
                    SELECT (SELECT count(*) FROM ended), (SELECT count(*) FROM made)
                    """, [.int(Int((now + (.zero - age)).milliseconds)), .int(limit)])
            }
        }
        return counts
    }

    /// Deletes step by step until a step finds nothing.
    private func purge(
        _ statement: @Sendable (_ limit: Int) -> Statement
    ) async throws(StoreError) -> (rows: Int, parts: Int) {
        var (rows, parts) = (0, 0)
        let step = statement(20)
        while true {
            let deleted = try await run(as: .care, within: .seconds(60)) { transaction throws(StoreError) in
                guard let row = try transaction.finish(step).first else { return (0, 0) }
                return (try row.get(0, as: Int.self), try row.get(1, as: Int.self))
            }
            guard deleted.0 > 0 else { return (rows, parts) }
            rows += deleted.0
            parts += deleted.1
        }
    }

    public func optimise() async throws(StoreError) {
        _ = try await run(as: .care) { transaction throws(StoreError) in
            // Processes that ended long ago, whose answers have been dealt with.
            try transaction.finish(
                Statement(
                    """
                    DELETE FROM medstream.node n WHERE seen_at < now() - interval '1 day'
                      AND NOT medstream.is_alive(n.id)
                      AND NOT EXISTS (SELECT FROM medstream.message m WHERE m.state = 'streaming' AND m.node = n.id)
                    """))
        }
        for table in StoredTable.allCases {
            do {
                // As the one who connected: the owner of the tables may, and for anyone else it is left to autovacuum.
                try await pool.run(within: .seconds(600)) { session throws(PostgreSQLError) in
                    _ = try session.run(
                        Statement(unchecked: "VACUUM (ANALYZE, SKIP_LOCKED) medstream.\(table.rawValue)"))
                }
            } catch {
                guard error.kind == .denied else { throw StoreError(error) }
            }
        }
    }

    public func statistics() async throws(StoreError) -> StoreStatistics {
        try await run(as: .care, within: .seconds(30)) { transaction throws(StoreError) in
            var statistics = StoreStatistics(rows: [:], bytes: 0)
            let rows = try transaction.finish(StoredTable.allCases.map(\.size))
            for (table, rows) in zip(StoredTable.allCases, rows) {
                guard let row = rows.first else { continue }
                statistics.rows[table.name] = try row.get(0)
                statistics.bytes += try row.get(1, as: Int.self)
            }
            return statistics
        }
    }
}

/// The tables with rows of users and of the queue.
enum StoredTable: String, CaseIterable, Sendable {
    case account, onboarding, conversation, message
    case idempotencyKey = "idempotency_key"
    case caseFile = "case_file"
    case stageResult = "stage_result"
    case job
    case jobDead = "job_dead"

    /// As receipts and statistics call it; two names are words of SQL.
    var name: String {
        switch self {
        case .account: "user"
        case .caseFile: "case"
        default: rawValue
        }
    }

    /// Rows, counted up to a hundred thousand and estimated beyond, and bytes with indexes.
    fileprivate var size: Statement {
        Statement(
            unchecked: """
                SELECT CASE WHEN counted <= 100000 THEN counted ELSE greatest(counted, estimated) END, bytes FROM (
                  SELECT (SELECT count(*) FROM (SELECT FROM medstream.\(rawValue) LIMIT 100001) sample) AS counted,
                    reltuples::bigint AS estimated, pg_total_relation_size(oid) AS bytes
                  FROM pg_class WHERE oid = 'medstream.\(rawValue)'::regclass) sizes
                """)
    }
}
