import Encryption
import Persistence
import PostgreSQL

/// One sealed value and the row it belongs to.
struct SealedRow: Sendable {
    let name: String
    let bytes: [UInt8]
}

/// A column that holds envelopes.
struct SealedColumn: Sendable {
    let name: String
    /// The name that is part of the envelope; dead letters keep that of the job they were.
    let sealed: SealedTable
    private let column: String
    /// What tells a row from others, as text, and the same as it is ordered by.
    private let row: String
    private let order: String
    private let from: String

    static let ofQueue = [("job", SealedTable.job), ("job_dead", .job)].map { SealedColumn(byID: $0.0, $0.1) }

    static let ofStore =
        [
            ("account", SealedTable.account), ("conversation", .conversation), ("message", .message),
            ("case_file", .caseFile),
        ].map { SealedColumn(byID: $0.0, $0.1) } + [
            SealedColumn(name: "onboarding", sealed: .onboarding, row: "owner::text", order: "owner", from: "$1::uuid"),
            SealedColumn(
                name: "stage_result", sealed: .stageResult, row: "case_file::text || '/' || stage || '/' || stream",
                order: "(case_file, stage, stream)",
                from: "(split_part($1, '/', 1)::uuid, split_part($1, '/', 2), split_part($1, '/', 3))"),
        ]

    private init(byID name: String, _ sealed: SealedTable) {
        self.init(name: name, sealed: sealed, row: "id::text", order: "id", from: "$1::uuid")
    }

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

// MARK: - Sealing anew

extension Pool {
    /// Seals rows anew that were sealed with another key of the keyring than the current one.
    ///
    /// - Returns: how many rows of the columns another key sealed, also one that is not in the keyring.
    func reencrypt(
        _ columns: [SealedColumn], _ keyring: Keyring, hasRoles: Bool, limit: Int
    ) async throws(StoreError) -> Int {
        let current = Int(keyring.currentKey.number)
        let old = keyring.keys.filter { !$0.isCurrent }.map { Int($0.id.number) }
        var room = max(1, limit)
        var left = 0
        for column in columns {
            while room > 0 {
                let step = min(room, 200)
                let done = try await run(as: .care, hasRoles: hasRoles, within: .seconds(60)) {
                    transaction throws(StoreError) in
                    try transaction.reencrypt(column, from: old, limit: step, keyring)
                }
                room -= done
                if done < step { break }
            }
            left += try await run(as: .care, hasRoles: hasRoles, within: .seconds(120)) {
                transaction throws(StoreError) in
                try transaction.finish(column.remaining(besides: current)).first?.get(0, as: Int.self) ?? 0
            }
        }
        return left
    }
}

extension Transaction {
    fileprivate mutating func reencrypt(
        _ column: SealedColumn, from keys: [Int], limit: Int, _ keyring: Keyring
    ) throws(StoreError) -> Int {
        let rows = try run(Statement(unchecked: column.oldest, [.ints(keys), .int(limit)]))
        guard !rows.isEmpty else { return 0 }
        var updates: [Statement] = []
        for row in rows {
            let (name, bytes): (String, [UInt8]) = (try row.get(0), try row.get(1))
            let place = Keyring.place(column.sealed, name)
            do throws(SealError) {
                let sealed = Sealed(bytes: keyring.seal(try keyring.open(bytes, at: place), at: place))
                updates.append(Statement(unchecked: column.update, [.text(name), .bytes(sealed.bytes), sealed.key]))
            } catch {
                throw .unavailable(UnreadableRow(table: column.name, row: name, reason: error.description))
            }
        }
        _ = try finish(updates)
        return rows.count
    }
}
