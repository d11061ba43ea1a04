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
                        contradiction.kind, table: contradiction.table, row: try row.get(0),
                        detail: contradiction.detail)
                }
            }
        }
        for table in SealedColumn.ofStore + SealedColumn.ofQueue {
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
        try await pool.reencrypt(SealedColumn.ofStore, keyring, hasRoles: hasRoles, limit: limit)
    }

    private func sealedRows(_ sql: String, _ values: [Value]) async throws(StoreError) -> [SealedRow] {
        try await run(as: .care, within: .seconds(60)) { transaction throws(StoreError) in
            try transaction.finish(Statement(unchecked: sql, values)).map { row throws(StoreError) in
                SealedRow(name: try row.get(0), bytes: try row.get(1))
            }
        }
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
