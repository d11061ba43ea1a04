public import Core
import Encryption
public import Persistence
import SQLite

/// Cases and what their stages made.
extension SQLiteStore {
    public func insert(_ case: Case) async throws(StoreError) {
        let new = `case`
        let sealed = new.sealed(keyring)
        try await add(bytes: sealed.bytes.count) { transaction in
            if let owner = try transaction.owner(of: new.id) {
                guard owner == new.owner.text else { throw StoreError.notFound }
                return
            }
            try transaction.run(
                """
                INSERT INTO case_file(id, owner, status, version, created_at, updated_at, key, body)
                VALUES (?1, ?2, ?3, ?4, ?5,
                    max(?5, 1 + coalesce((SELECT max(updated_at) FROM case_file WHERE owner = ?2), ?5 - 1)), ?6, ?7)
                """, new.id.text, new.owner.text, new.status.rawValue, new.version, new.createdAt.milliseconds,
                sealed.key, sealed.bytes)
        }
    }

    public func `case`(_ id: CaseID, of owner: UserID) async throws(StoreError) -> Case {
        let keyring = keyring
        return try await read { transaction in
            let found = try transaction.row(Self.oneCase, id.text, owner.text) { row in try Case(row, keyring) }
            guard let found else { throw StoreError.notFound }
            return found
        }
    }

    private static let oneCase = SQL(unchecked: "SELECT \(Case.columns) FROM case_file WHERE id = ? AND owner = ?")

    public func cases(of owner: UserID, after cursor: String?, limit: Int) async throws(StoreError) -> Page<Case> {
        let place = try place(cursor, ListPlace.init)
        let keyring = keyring
        return try await read { transaction in
            var items: [Case] = []
            var next: String?
            try transaction.forEach(
                Self.caseList, owner.text, place?.time.milliseconds ?? .max, place?.id ?? "",
                max(1, limit).saturated(1)
            ) { row in
                if items.count == max(1, limit) {
                    next = items.last.map { ListPlace($0.updatedAt, $0.id.text).description }
                    return false
                }
                items.append(try Case(row, keyring))
                return true
            }
            return Page(items: items, next: next)
        }
    }

    static let caseList = SQL(
        unchecked: """
            SELECT \(Case.columns) FROM case_file INDEXED BY case_list
            WHERE owner = ? AND (updated_at, id) < (?, ?) ORDER BY updated_at DESC, id DESC LIMIT ?
            """)

    @discardableResult
    public func update(_ case: Case) async throws(StoreError) -> Bool {
        let new = `case`
        let (sealed, now) = (new.sealed(keyring), now())
        return try await write(bytes: sealed.bytes.count) { transaction in
            guard try transaction.owner(of: new.id) == new.owner.text else { throw StoreError.notFound }
            return try transaction.run(
                """
                UPDATE case_file SET status = ?1, version = ?2, key = ?3, body = ?4, updated_at =
                    max(?5, 1 + (SELECT max(updated_at) FROM case_file WHERE owner = ?6))
                WHERE id = ?7 AND version < ?2
                """, new.status.rawValue, new.version, sealed.key, sealed.bytes, now.milliseconds, new.owner.text,
                new.id.text) > 0
        }
    }

    public func delete(_ id: CaseID, of owner: UserID) async throws(StoreError) {
        try await write { transaction in
            guard try transaction.owner(of: id) == owner.text else { throw StoreError.notFound }
            try transaction.delete(case: id.text)
        }
    }

    @discardableResult
    public func save(_ result: StageResult) async throws(StoreError) -> Bool {
        let sealed = result.sealed(keyring)
        let figures = Figures(result).text
        return try await write(bytes: sealed.bytes.count) { transaction in
            guard try transaction.owner(of: result.case) == result.owner.text else { throw StoreError.notFound }
            return try transaction.run(
                """
                INSERT INTO stage_result(id, case_id, owner, stage, stream, outcome, length, version, created_at, figures,
                    key, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT(id) DO UPDATE SET outcome = excluded.outcome, length = excluded.length,
                    version = excluded.version, figures = excluded.figures, key = excluded.key, body = excluded.body
                WHERE stage_result.version < excluded.version
                """, result.name, result.case.text, result.owner.text, result.stage.rawValue, result.stream.text,
                result.outcome?.rawValue, result.length, result.version, result.createdAt.milliseconds, figures,
                sealed.key, sealed.bytes) > 0
        }
    }

    public func results(of id: CaseID, of owner: UserID) async throws(StoreError) -> [StageResult] {
        let keyring = keyring
        return try await read { transaction in
            guard try transaction.owner(of: id) == owner.text else { throw StoreError.notFound }
            return try transaction.rows(Self.caseResults, id.text) { row in try StageResult(row, keyring) }
        }
    }

    private static let caseResults = SQL(
        unchecked: "SELECT \(StageResult.columns) FROM stage_result WHERE case_id = ? ORDER BY place")
}

// MARK: - Within a transaction

extension Transaction {
    /// Whose a case is; `nil` when there is none.
    borrowing func owner(of id: CaseID) throws -> String? {
        try row("SELECT owner FROM case_file WHERE id = ?", id.text) { row in try row.text(0) }
    }

    /// Deletes a case with its results, and tells how many those were.
    @discardableResult
    borrowing func delete(case id: String) throws(SQLiteError) -> Int {
        let results = try run("DELETE FROM stage_result WHERE case_id = ?", id)
        try run("DELETE FROM case_file WHERE id = ?", id)
        return results
    }
}
