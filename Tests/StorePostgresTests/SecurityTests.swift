import Core
import Encryption
import Persistence
import PostgreSQL
import PostgresSupport
@testable import StorePostgres
import Testing

/// Row-level security, asked of the server itself and not of the store, for each table, role and verb.
@Suite("Row-level security", .timeLimit(.minutes(1)))
struct SecurityTests {
    /// A table with rows of users, and what tells whose.
    struct Table: Sendable, CustomTestStringConvertible {
        let name: String
        let owner: String

        var testDescription: String { name }

        /// What is given when a row is put in; a number that the server gives cannot be.
        var columns: String {
            name == "stage_result"
                ? "(case_file, stage, stream, owner, outcome, length, version, created_at, figures, body, key)" : ""
        }
        var values: String { columns.isEmpty ? "r.*" : columns.filter { !"()".contains($0) } }

        static let owned = [
            Table(name: "account", owner: "id"), Table(name: "onboarding", owner: "owner"),
            Table(name: "conversation", owner: "owner"), Table(name: "message", owner: "owner"),
            Table(name: "idempotency_key", owner: "owner"), Table(name: "case_file", owner: "owner"),
            Table(name: "stage_result", owner: "owner"),
        ]
    }

    enum Verb: String, Sendable, CaseIterable { case select, insert, update, delete }

    /// Whether the server lets us make roles, or the owner of the tables does all the work.
    enum Way: String, Sendable, CaseIterable { case roles, ownerAlone }

    @Test("No table is without it, and it binds the owner too")
    func everywhere() async throws {
        let lease = try await TestDatabases.lease()
        let open = try await lease.database.pool.run { session throws(PostgreSQLError) in
            try session.run(
                Statement(
                    """
                    SELECT relname FROM pg_class WHERE relnamespace = 'medstream'::regnamespace AND relkind = 'r'
                      AND NOT (relrowsecurity AND relforcerowsecurity)
                    """)
            ).map { row throws(PostgreSQLError) in try row.value(0, as: String.self) }
        }
        #expect(open == [])
    }

    @Test("Where there are roles, each policy of a user's rows is for one of them")
    func roles() async throws {
        let lease = try await TestDatabases.lease()
        let others = try await lease.database.pool.run { session throws(PostgreSQLError) in
            try session.run(
                Statement(
                    """
                    SELECT tablename || ' ' || policyname FROM pg_policies WHERE schemaname = 'medstream' AND NOT (
                      (policyname = 'owner' AND roles = '{medstream_app}')
                      OR (policyname = 'operator' AND roles = '{medstream_operator}')
                      OR (policyname IN ('reading', 'adding') AND tablename IN ('meta', 'node', 'migration', 'deletion')))
                    """)
            ).map { row throws(PostgreSQLError) in try row.value(0, as: String.self) }
        }
        #expect(others == [])
    }

    @Test("A user reaches the own rows alone, with each verb", arguments: Table.owned, Verb.allCases)
    func users(table: Table, verb: Verb) async throws {
        for way in Way.allCases {
            let world = try await World(way)
            let (mine, others) = (try await world.fill(), try await world.fill())
            #expect(try await world.reach(table, verb, of: mine, as: .user(mine)) == 1, "\(way)")
            #expect(try await world.reach(table, verb, of: others, as: .user(mine)) == 0, "\(way)")
            #expect(try await world.reach(table, verb, of: others, as: nil) == 0, "nobody's transaction, \(way)")
            #expect(try await world.reach(table, verb, of: others, as: .care) == 1, "\(way)")
        }
    }

    @Test("A user who claims to be an operator is none")
    func claim() async throws {
        let world = try await World(.roles)
        let (mine, others) = (try await world.fill(), try await world.fill())
        for table in Table.owned {
            let seen = try await world.reach(table, .select, of: others, as: .user(mine), operating: true)
            #expect(seen == 0)
        }
    }

    @Test("The queue's tables show a user nothing, and take jobs about that user alone", arguments: Way.allCases)
    func queue(way: Way) async throws {
        let world = try await World(way)
        let (mine, others) = (UserID(), UserID())
        let queue = PostgresQueue(world.database)
        _ = try await queue.enqueue([NewJob(kind: .purge, group: mine.text)])
        for table in ["job", "job_dead", "job_audit"] {
            let rows = try? await world.count("SELECT 1 FROM medstream.\(table)", as: .user(mine))
            #expect(rows ?? 0 == 0, "\(table)")
        }
        func add(_ group: UserID) -> String {
            """
            INSERT INTO medstream.job (id, kind, unique_key, group_key, priority, payload, key)
            VALUES (gen_random_uuid(), 'purge', gen_random_uuid(), '\(group)', 1, '', 0)
            """
        }
        #expect(try await world.count(add(mine), as: .user(mine)) == 1)
        let error = await #expect(throws: StoreError.self) { try await world.count(add(others), as: .user(mine)) }
        #expect(error?.cause?.kind == .denied)
    }

    @Test("Who was deleted is shown to no user, taken from none, and changed by nobody", arguments: Way.allCases)
    func deletions(way: Way) async throws {
        let world = try await World(way)
        let (mine, gone) = (UserID(), try await world.fill())
        _ = try await PostgresStore(world.database).deleteUser(gone)
        #expect(try await world.count("SELECT 1 FROM medstream.deletion", as: .care) == 1)
        for verb in ["UPDATE medstream.deletion SET at = 0", "DELETE FROM medstream.deletion"] {
            #expect((try? await world.count(verb, as: .care)) ?? 0 == 0, "\(verb)")
        }
        for user in [mine, gone] {
            #expect((try? await world.count("SELECT 1 FROM medstream.deletion", as: .user(user))) ?? 0 == 0)
            let insertion = "INSERT INTO medstream.deletion (owner, at, rows) VALUES ('\(user)', 0, '{}')"
            let error = await #expect(throws: StoreError.self) {
                try await world.count(insertion, as: .user(user))
            }
            #expect(error?.cause?.kind == .denied)
        }
    }

    @Test("What is everybody's can be read by a user and not changed", arguments: ["meta", "node", "migration"])
    func shared(table: String) async throws {
        let world = try await World(.roles)
        let user = UserID()
        _ = try await world.count("SELECT 1 FROM medstream.\(table)", as: .user(user))
        let error = await #expect(throws: StoreError.self) {
            try await world.count("DELETE FROM medstream.\(table)", as: .user(user))
        }
        #expect(error?.cause?.kind == .denied)
    }

    @Test("A role above the policies that can take no other is refused")
    func unprotected() async throws {
        let server = try await PostgresServer.shared()
        let name = try await server.database()
        try await server.query("CREATE ROLE \(name) LOGIN BYPASSRLS PASSWORD 'secret'")
        try await server.query("GRANT CREATE ON DATABASE \(name) TO \(name)")
        let address = try ServerAddress(server.url(name, user: name, password: "secret"))
        // Roles that others made are there, and this one may not take them.
        await #expect(throws: PostgresOpenError.self) {
            try await PostgresDatabase.open(address, limits: TestDatabases.testLimits, keyring: TestDatabases.keyring)
        }
    }
}

/// A database and two users' rows in it.
private struct World {
    let database: PostgresDatabase
    private let lease: TestDatabases.Lease

    init(_ way: SecurityTests.Way) async throws {
        lease = try await TestDatabases.lease()
        let leased = lease.database
        database =
            way == .roles
            ? leased
            : PostgresDatabase(pool: leased.pool, keyring: leased.keyring, hasRoles: false)
    }

    /// Gives a new user a row in each table.
    func fill() async throws -> UserID {
        let user = UserID()
        let store = PostgresStore(database)
        try await store.insert(User(id: user, name: "N", email: "\(user)@example.org", createdAt: .now))
        try await store.save(OnboardingState(owner: user, updatedAt: .now))
        let made = Case(owner: user, createdAt: .now)
        try await store.insert(made)
        try await store.save(StageResult(case: made.id, stage: .chat, owner: user, createdAt: .now))
        let conversation = Conversation(owner: user, createdAt: .now)
        try await store.insert(conversation)
        let message = Message(conversation: conversation.id, owner: user, role: .user, text: "Hello", createdAt: .now)
        try await store.save(message)
        _ = try await count(
            """
            INSERT INTO medstream.idempotency_key VALUES ('\(user)', 'key', 'subject', '\(conversation.id)',
              '\(message.id)', '\(message.id)', 'stream', 0)
            """, as: .user(user))
        return user
    }

    /// Tries a verb on a user's row, in a transaction that is undone; answers how many rows it reached.
    func reach(
        _ table: SecurityTests.Table, _ verb: SecurityTests.Verb, of owner: UserID, as principal: Principal?,
        operating: Bool = false
    ) async throws -> Int {
        let condition = "\(table.owner) = '\(owner)'"
        let name = "medstream.\(table.name)"
        switch verb {
        case .select: return try await count("SELECT 1 FROM \(name) WHERE \(condition)", as: principal, operating)
        case .update:
            return try await count(
                "UPDATE \(name) SET \(table.owner) = \(table.owner) WHERE \(condition)", as: principal, operating)
        case .delete: return try await count("DELETE FROM \(name) WHERE \(condition)", as: principal, operating)
        case .insert:
            let json = try await json(name, condition)
            do {
                // The row makes room for itself first, so that nothing but a policy is in its way.
                return try await count(
                    "INSERT INTO \(name) \(table.columns) SELECT \(table.values) FROM jsonb_populate_record(NULL::\(name), '\(json)') r",
                    as: principal, operating, after: "DELETE FROM \(name) WHERE \(condition)")
            } catch {
                guard error.cause?.kind == .denied else { throw error }
                return 0
            }
        }
    }

    private func json(_ table: String, _ condition: String) async throws -> String {
        let rows = try await database.pool.run(as: .care, hasRoles: database.hasRoles) {
            transaction throws(StoreError) in
            try transaction.finish(
                Statement(unchecked: "SELECT to_jsonb(r)::text FROM \(table) r WHERE \(condition) LIMIT 1"))
        }
        return try rows.first?.get(0) ?? "{}"
    }

    @discardableResult
    func count(
        _ sql: String, as principal: Principal?, _ operating: Bool = false, after preparation: String? = nil
    ) async throws(StoreError) -> Int {
        let isTrial = preparation != nil || sql.hasPrefix("UPDATE") || sql.hasPrefix("DELETE")
        return try await database.pool.run(as: principal ?? .user(UserID()), hasRoles: database.hasRoles) {
            [database] transaction throws(StoreError) in
            if let preparation {
                let role = database.hasRoles ? "medstream_operator" : "none"
                _ = try transaction.run([
                    Statement(
                        "SELECT set_config('role', $1, true), set_config('medstream.operator', 'on', true)",
                        [.text(role)]),
                    Statement(unchecked: preparation),
                    Statement(
                        "SELECT set_config('medstream.operator', $2, true), set_config('role', $1, true)",
                        [
                            .text(database.hasRoles ? (principal ?? .user(UserID())).role : "none"),
                            .text(principal == .care ? "on" : ""),
                        ]),
                ])
            }
            if principal == nil { _ = try transaction.run(Statement("SELECT set_config('medstream.user', '', true)")) }
            if operating { _ = try transaction.run(Statement("SELECT set_config('medstream.operator', 'on', true)")) }
            let rows = try transaction.run(Statement(unchecked: sql))
            let reached = sql.hasPrefix("SELECT") ? rows.count : rows.affected
            if isTrial { transaction.abandon() }
            return reached
        }
    }
}
