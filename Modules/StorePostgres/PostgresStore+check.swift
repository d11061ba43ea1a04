import Core
import Encryption
public import Persistence
import PostgreSQL

/// Whether all is as it should be.
extension PostgresStore {
    /// More findings than anyone reads.
    private static let findingsLimit = 1000

    public func check() async throws(StoreError) -> [CheckFinding] {
        var findings: [CheckFinding] = []
        for contradiction in Contradiction.all {
            findings += try await run(as: .care, within: .seconds(600)) { transaction throws(StoreError) in
                try transaction.finish(Statement(unchecked: contradiction.sql)).map { row throws(StoreError) in
                    CheckFinding(
                        contradiction.kind, table: contradiction.table, row: try row.get(0), detail: contradiction.detail)
                }
            }
        }
        for table in SealedColumn.all {
            var place: String?
            repeat {
                guard findings.count < Self.findingsLimit else { break }
                let rows = try await sealedRows(table.page, [.text(ifAny: place)])
                for row in rows {
                    do throws(SealError) {
                        _ = try keyring.open(row.bytes, at: Keyring.place(table.sealed, row.name))
                    } catch {
                        findings.append(
                            CheckFinding(.sealed, table: table.name, row: row.name, detail: error.description))
                    }
                }
                place = rows.last?.name
            } while place != nil
        }
        return Array(findings.prefix(Self.findingsLimit))
    }

    public func reencrypt(limit: Int) async throws(StoreError) -> Int {
        let current = Int(keyring.currentKey.number)
        let old = keyring.keys.filter { !$0.isCurrent }.map { Int($0.id.number) }
        var room = max(1, limit)
        var left = 0
        for table in SealedColumn.all {
            while room > 0 {
                let step = min(room, 200)
                let done = try await reencrypt(table, from: old, limit: step)
                room -= done
                if done < step { break }
            }
            left += try await run(as: .care, within: .seconds(120)) { transaction throws(StoreError) in
                try transaction.finish(table.remaining(besides: current)).first?.get(0, as: Int.self) ?? 0
            }
        }
        return left
    }

    private func reencrypt(_ table: SealedColumn, from keys: [Int], limit: Int) async throws(StoreError) -> Int {
        let keyring = keyring
        return try await run(as: .care, within: .seconds(60)) { transaction throws(StoreError) in
            let rows = try transaction.run(
                Statement(unchecked: table.oldest, [.ints(keys), .int(limit)])
            ).map { row throws(StoreError) in SealedRow(name: try row.get(0), bytes: try row.get(1)) }
            guard !rows.isEmpty else { return 0 }
            var updates: [Statement] = []
            for row in rows {
                let place = Keyring.place(table.sealed, row.name)
                do throws(SealError) {
                    let sealed = Sealed(bytes: keyring.seal(try keyring.open(row.bytes, at: place), at: place))
                    updates.append(Statement(unchecked: table.update, [.text(row.name), .bytes(sealed.bytes), sealed.key]))
                } catch {
                    throw .unavailable(UnreadableRow(table: table.name, row: row.name, reason: error.description))
                }
            }
            _ = try transaction.finish(updates)
            return rows.count
        }
    }

    private func sealedRows(_ sql: String, _ values: [Value]) async throws(StoreError) -> [SealedRow] {
        try await run(as: .care, within: .seconds(60)) { transaction throws(StoreError) in
            try transaction.finish(Statement(unchecked: sql, values)).map { row throws(StoreError) in
                SealedRow(name: try row.get(0), bytes: try row.get(1))
            }
        }
    }
}

/// One sealed value and the row it belongs to.
private struct SealedRow: Sendable {
    let name: String
    let bytes: [UInt8]
}

/// A column that holds envelopes.
private struct SealedColumn: Sendable {
    let name: String
    /// The name that is part of the envelope; dead letters keep that of the job they were.
    let sealed: SealedTable
    private let column: String
    /// What tells a row from others, as text, and the same as it is ordered by.
    private let row: String
    private let order: String
    private let from: String

    static let all =
        [
            ("account", SealedTable.account), ("conversation", .conversation), ("message", .message),
            ("case_file", .caseFile), ("job", .job), ("job_dead", .job),
        ].map { SealedColumn(name: $0.0, sealed: $0.1, row: "id::text", order: "id", from: "$1::uuid") } + [
            SealedColumn(name: "onboarding", sealed: .onboarding, row: "owner::text", order: "owner", from: "$1::uuid"),
            SealedColumn(
                name: "stage_result", sealed: .stageResult, row: "case_file::text || '/' || stage || '/' || stream",
                order: "(case_file, stage, stream)",
                from: "(split_part($1, '/', 1)::uuid, split_part($1, '/', 2), split_part($1, '/', 3))"),
        ]

    private init(name: String, sealed: SealedTable, row: String, order: String, from: String) {
        self.name = name
        self.sealed = sealed
        column = sealed == .job ? "payload" : "body"
        self.row = row
        self.order = order
        self.from = from
    }

    /// The next rows after one, in the order of the primary key.
    var page: String {
        let columns = order.filter { !"()".contains($0) }
        return """
            SELECT \(row), \(column) FROM medstream.\(name) WHERE $1::text IS NULL OR \(order) > \(from)
             ORDER BY \(columns) LIMIT 500
            """
    }

    var oldest: String {
        "SELECT \(row), \(column) FROM medstream.\(name) WHERE key = ANY($1) LIMIT $2 FOR UPDATE SKIP LOCKED"
    }

    var update: String { "UPDATE medstream.\(name) SET \(column) = $2, key = $3 WHERE \(order) = \(from)" }

    func remaining(besides key: Int) -> Statement {
        Statement(unchecked: "SELECT count(*) FROM medstream.\(name) WHERE key < $1 OR key > $1", [.int(key)])
    }
}

/// Rows that cannot be as they are, and the SQL that finds them by name.
private struct Contradiction: Sendable {
    let kind: CheckFinding.Kind
    let table: String
    let detail: String
    let sql: String

    static let all = [
        Contradiction(
            kind: .inconsistent, table: "conversation", detail: "Its messages are not numbered without gaps.",
            sql: """
                SELECT c.id::text FROM medstream.conversation c LEFT JOIN (
                    SELECT conversation, count(*) AS rows, max(sequence) AS last FROM medstream.message GROUP BY 1) m
                  ON m.conversation = c.id
                 WHERE c.messages <> coalesce(m.rows, 0) OR c.messages <> coalesce(m.last, 0) LIMIT 100
                """),
        Contradiction(
            kind: .inconsistent, table: "message", detail: "It and its conversation have different owners.",
            sql: """
                SELECT m.id::text FROM medstream.message m JOIN medstream.conversation c ON c.id = m.conversation
                 WHERE m.owner <> c.owner LIMIT 100
                """),
        Contradiction(
            kind: .orphan, table: "message", detail: "What it replies to is not in its conversation.",
            sql: """
                SELECT m.id::text FROM medstream.message m WHERE m.reply_to IS NOT NULL AND NOT EXISTS (
                  SELECT FROM medstream.message q WHERE q.id = m.reply_to AND q.conversation = m.conversation) LIMIT 100
                """),
        Contradiction(
            kind: .orphan, table: "idempotency_key", detail: "Its turn is not there.",
            sql: """
                SELECT encode(k.key_print, 'hex') FROM medstream.idempotency_key k WHERE NOT EXISTS (
                  SELECT FROM medstream.message m WHERE m.id = k.assistant_message) LIMIT 100
                """),
        Contradiction(
            kind: .inconsistent, table: "stage_result", detail: "It and its case have different owners.",
            sql: """
                SELECT r.case_file::text FROM medstream.stage_result r JOIN medstream.case_file c ON c.id = r.case_file
                 WHERE r.owner <> c.owner LIMIT 100
                """),
    ]
}
