import Core
import Encryption
public import Persistence
import SQLite

/// The check of everything.
extension SQLiteStore {
    public func check() async throws(StoreError) -> [CheckFinding] {
        var findings: [CheckFinding] = []
        do {
            findings += try await database.check(isThorough: true).map { CheckFinding(.integrity, detail: $0) }
        } catch let error as SQLiteError where error.kind == .corrupt {
            return [CheckFinding(.integrity, detail: error.message)]
        } catch {
            throw StoreError(ofFile: error)
        }
        for rule in Self.rules {
            findings += try await read(within: .seconds(600)) { transaction in
                try transaction.rows(rule.sql) { row in
                    CheckFinding(rule.kind, table: rule.table, row: try row.text(0), detail: rule.detail)
                }
            }
        }
        for table in SealedTable.allCases where findings.count < Self.most {
            findings += try await unreadable(in: table)
        }
        return Array(findings.prefix(Self.most))
    }

    private static let most = 1000

    /// Rows whose text cannot be opened, looked for some hundred at a time.
    private func unreadable(in table: SealedTable) async throws(StoreError) -> [CheckFinding] {
        let keyring = keyring
        var findings: [CheckFinding] = []
        var place: Int64? = -1
        let sql = SQL(
            unchecked: "SELECT place, id, body FROM \(table.rawValue) WHERE place > ? ORDER BY place LIMIT 200")
        while let from = place, findings.count < Self.most {
            let (found, last) = try await read { transaction in
                var found: [CheckFinding] = []
                var last: Int64?
                try transaction.forEach(sql, from) { row in
                    last = try row.int64(0)
                    let name = try row.text(1)
                    do {
                        _ = try keyring.open(try row.blob(2), in: table, row: name)
                    } catch let error as UnreadableRow {
                        found.append(CheckFinding(.sealed, table: table.rawValue, row: name, detail: error.reason))
                    }
                    return true
                }
                return (found, last)
            }
            findings += found
            place = last
        }
        return findings
    }

    /// What must hold between rows, each as a search for those where it does not.
    private struct Rule: Sendable {
        let kind: CheckFinding.Kind
        let table: String
        let detail: String
        let sql: SQL
    }

    private static let rules = [
        Rule(
            kind: .orphan, table: "message", detail: "Its conversation is not there.",
            sql: """
                SELECT id FROM message m WHERE NOT EXISTS (SELECT 1 FROM conversation c WHERE c.id = m.conversation)
                LIMIT 100
                """),
        Rule(
            kind: .orphan, table: "message", detail: "What it replies to is not there.",
            sql: """
                SELECT id FROM message m WHERE reply_to IS NOT NULL
                    AND NOT EXISTS (SELECT 1 FROM message q WHERE q.id = m.reply_to) LIMIT 100
                """),
        Rule(
            kind: .orphan, table: "stage_result", detail: "Its case is not there.",
            sql: """
                SELECT id FROM stage_result r WHERE NOT EXISTS (SELECT 1 FROM case_file c WHERE c.id = r.case_id)
                LIMIT 100
                """),
        Rule(
            kind: .orphan, table: "idempotency_key", detail: "Its conversation is not there.",
            sql: """
                SELECT stream FROM idempotency_key k
                WHERE NOT EXISTS (SELECT 1 FROM conversation c WHERE c.id = k.conversation) LIMIT 100
                """),
        Rule(
            kind: .inconsistent, table: "message", detail: "Its owner is not that of its conversation.",
            sql: """
                SELECT m.id FROM message m JOIN conversation c ON c.id = m.conversation WHERE c.owner != m.owner LIMIT 100
                """),
        Rule(
            kind: .inconsistent, table: "stage_result", detail: "Its owner is not that of its case.",
            sql: """
                SELECT r.id FROM stage_result r JOIN case_file c ON c.id = r.case_id WHERE c.owner != r.owner LIMIT 100
                """),
        Rule(
            kind: .inconsistent, table: "conversation", detail: "Its messages are not numbered without a gap.",
            sql: """
                SELECT id FROM conversation c WHERE messages != (
                    SELECT count(*) FROM message m WHERE m.conversation = c.id)
                OR messages != coalesce((SELECT max(sequence) FROM message m WHERE m.conversation = c.id), 0) LIMIT 100
                """),
    ]
}
