public import Core
import Encryption
public import Persistence
import PostgreSQL

/// Cases and what their stages made.
extension PostgresStore {
    public func insert(_ case: Case) async throws(StoreError) {
        let (keyring, owner) = (keyring, `case`.owner)
        try await run(as: .user(owner)) { transaction throws(StoreError) in
            let rows = try transaction.run([.lock(owner), .caseExists(`case`.id, owner), .lastCaseUse(of: owner)])
            guard rows[1].isEmpty else { return }
            var new = `case`
            new.updatedAt = try rows[2].use(at: new.createdAt)
            let statement = Statement.insert(new, keyring)
            _ = try transaction.writing { transaction throws(StoreError) in try transaction.finish([statement]) }
        }
    }

    public func `case`(_ id: CaseID, of owner: UserID) async throws(StoreError) -> Case {
        let keyring = keyring
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            try transaction.finish(.caseFile(id, owner)).caseFile(keyring)
        }
    }

    public func cases(of owner: UserID, after cursor: String?, limit: Int) async throws(StoreError) -> Page<Case> {
        let place = try cursor.place(ListPlace.init)
        let keyring = keyring
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    unchecked: """
                        SELECT \(Case.columns) FROM medstream.case_file WHERE owner = $1 AND (updated_at, id) < ($2, $3)
                         ORDER BY updated_at DESC, id DESC LIMIT $4
                        """,
                    [
                        .uuid(owner.text), .int(place.map { Int($0.time.milliseconds) } ?? .max),
                        .uuid(place?.id ?? "ffffffff-ffff-ffff-ffff-ffffffffffff"), .int(rowsToRead(limit)),
                    ]))
            let items = try rows.prefix(max(1, limit)).map { row throws(StoreError) in try Case(row, keyring) }
            let last = items.last.map { ListPlace($0.updatedAt, $0.id.text).description }
            return Page(items: items, next: items.count < rows.count ? last : nil)
        }
    }

    @discardableResult
    public func update(_ case: Case) async throws(StoreError) -> Bool {
        let (keyring, owner, now) = (keyring, `case`.owner, now())
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            let rows = try transaction.run([
                .lock(owner), .caseFile(`case`.id, owner, locked: true), .lastCaseUse(of: owner),
            ])
            guard try rows[1].caseFile(keyring).version < `case`.version else { return false }
            let sealed = keyring.seal([`case`.title, `case`.notes], in: .caseFile, row: `case`.id.text)
            _ = try transaction.finish(
                Statement(
                    """
                    UPDATE medstream.case_file SET status = $2, version = $3, updated_at = $4, body = $5, key = $6
                     WHERE id = $1
                    """,
                    [
                        .uuid(`case`.id.text), .text(`case`.status.rawValue), .int(`case`.version),
                        .int(Int(try rows[2].use(at: now).milliseconds)), .bytes(sealed.bytes), sealed.key,
                    ]))
            return true
        }
    }

    public func delete(_ id: CaseID, of owner: UserID) async throws(StoreError) {
        try await run(as: .user(owner)) { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    "DELETE FROM medstream.case_file WHERE id = $1 AND owner = $2",
                    [.uuid(id.text), .uuid(owner.text)]))
            guard rows.affected > 0 else { throw .notFound }
        }
    }

    @discardableResult
    public func save(_ result: StageResult) async throws(StoreError) -> Bool {
        let statement = Statement.save(result, keyring)
        return try await run(as: .user(result.owner)) { transaction throws(StoreError) in
            // The case is held, so that it cannot go while its result comes.
            let found = try transaction.run(.caseExists(result.case, result.owner, held: true))
            guard !found.isEmpty else { throw .notFound }
            return try transaction.finish(statement).affected > 0
        }
    }

    public func results(of id: CaseID, of owner: UserID) async throws(StoreError) -> [StageResult] {
        let keyring = keyring
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            let rows = try transaction.finish([.caseExists(id, owner), .results(of: id, owner)])
            guard !rows[0].isEmpty else { throw .notFound }
            return try rows[1].map { row throws(StoreError) in try StageResult(row, keyring) }
        }
    }
}

// MARK: - Rows

extension Case {
    static var columns: String { "id, owner, status, version, created_at, updated_at, body" }

    init(_ row: Row, _ keyring: Keyring) throws(StoreError) {
        let id: String = try row.get(0)
        guard let name = CaseID(id), let owner = UserID(try row.get(1)) else {
            throw .unavailable(UnreadableRow(table: "case_file", row: id, reason: "It is not one of this version's."))
        }
        let texts = try keyring.open(try row.get(6), 2, in: .caseFile, row: id)
        self.init(
            id: name, owner: owner, title: texts[0], notes: texts[1], status: Status(rawValue: try row.get(2)),
            version: try row.get(3), createdAt: Timestamp(milliseconds: Int64(try row.get(4, as: Int.self))))
        updatedAt = Timestamp(milliseconds: Int64(try row.get(5, as: Int.self)))
    }
}

extension StageResult {
    static var columns: String {
        "case_file, stage, stream, owner, outcome, length, version, created_at, figures, body"
    }

    /// What tells the row from others, as it is sealed with.
    var row: String { "\(`case`)/\(stage.rawValue)/\(stream)" }

    init(_ row: Row, _ keyring: Keyring) throws(StoreError) {
        let (id, stageName, streamName): (String, String, String) = (try row.get(0), try row.get(1), try row.get(2))
        let name = "\(id)/\(stageName)/\(streamName)"
        let outcome = try row.get(4, as: String?.self)
        guard let file = CaseID(id), let stage = Stage(rawValue: stageName), let stream = StreamID(streamName),
            let owner = UserID(try row.get(3)), outcome == nil || outcome.flatMap(Outcome.init) != nil
        else {
            throw .unavailable(
                UnreadableRow(table: "stage_result", row: name, reason: "It is not one of this version's."))
        }
        let texts = try keyring.open(try row.get(9), 3, in: .stageResult, row: name)
        let figures = try Figures(try row.get(8), of: .stageResult, row: name)
        self.init(
            case: file, stage: stage, stream: stream, owner: owner, text: texts[0], reasoning: texts[1],
            outcome: outcome.flatMap(Outcome.init), length: try row.get(5), sha256: texts[2].isEmpty ? nil : texts[2],
            provider: figures.provider, model: figures.model, usage: figures.usage, cost: figures.cost,
            version: try row.get(6), createdAt: Timestamp(milliseconds: Int64(try row.get(7, as: Int.self))))
    }
}

extension Rows {
    fileprivate func caseFile(_ keyring: Keyring) throws(StoreError) -> Case {
        guard let row = first else { throw .notFound }
        return try Case(row, keyring)
    }
}

extension Statement {
    fileprivate static func caseFile(_ id: CaseID, _ owner: UserID, locked: Bool = false) -> Statement {
        Statement(
            unchecked: """
                SELECT \(Case.columns) FROM medstream.case_file WHERE id = $1 AND owner = $2\(locked ? " FOR UPDATE" : "")
                """, [.uuid(id.text), .uuid(owner.text)])
    }

    fileprivate static func caseExists(_ id: CaseID, _ owner: UserID, held: Bool = false) -> Statement {
        Statement(
            unchecked: """
                SELECT 1 FROM medstream.case_file WHERE id = $1 AND owner = $2\(held ? " FOR KEY SHARE" : "")
                """, [.uuid(id.text), .uuid(owner.text)])
    }

    fileprivate static func lastCaseUse(of owner: UserID) -> Statement {
        Statement(
            "SELECT updated_at FROM medstream.case_file WHERE owner = $1 ORDER BY updated_at DESC LIMIT 1",
            [.uuid(owner.text)])
    }

    fileprivate static func results(of id: CaseID, _ owner: UserID) -> Statement {
        Statement(
            unchecked: """
                SELECT \(StageResult.columns) FROM medstream.stage_result WHERE case_file = $1 AND owner = $2
                 ORDER BY number
                """, [.uuid(id.text), .uuid(owner.text)])
    }

    fileprivate static func insert(_ new: Case, _ keyring: Keyring) -> Statement {
        let sealed = keyring.seal([new.title, new.notes], in: .caseFile, row: new.id.text)
        return Statement(
            """
            INSERT INTO medstream.case_file (id, owner, status, version, created_at, updated_at, body, key)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                .uuid(new.id.text), .uuid(new.owner.text), .text(new.status.rawValue), .int(new.version),
                .int(Int(new.createdAt.milliseconds)), .int(Int(new.updatedAt.milliseconds)), .bytes(sealed.bytes),
                sealed.key,
            ])
    }

    fileprivate static func save(_ result: StageResult, _ keyring: Keyring) -> Statement {
        let sealed = keyring.seal(
            [result.text, result.reasoning, result.sha256 ?? ""], in: .stageResult, row: result.row)
        return Statement(
            """
            INSERT INTO medstream.stage_result AS stored
              (case_file, stage, stream, owner, outcome, length, version, created_at, figures, body, key)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (case_file, stage, stream) DO UPDATE SET outcome = excluded.outcome, length = excluded.length,
              version = excluded.version, figures = excluded.figures, body = excluded.body, key = excluded.key
             WHERE stored.version < excluded.version
            """,
            [
                .uuid(result.case.text), .text(result.stage.rawValue), .text(result.stream.text),
                .uuid(result.owner.text), .text(ifAny: result.outcome?.rawValue), .int(ifAny: result.length),
                .int(result.version), .int(Int(result.createdAt.milliseconds)), .text(ifAny: Figures(result).text),
                .bytes(sealed.bytes), sealed.key,
            ])
    }
}
