import Core
import Encryption
import Persistence
import PostgreSQL
import PostgresSupport
@testable import StorePostgres
import Testing

@Suite("Opening a database", .timeLimit(.minutes(2)))
struct OpeningTests {
    @Test("Several starters at once migrate it once")
    func together() async throws {
        let address = try await emptyDatabase()
        let opened = await withTaskGroup { group in
            for _ in 0..<6 {
                group.addTask {
                    (try? await PostgresDatabase.open(
                        address, limits: TestDatabases.testLimits, keyring: TestDatabases.keyring)) != nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(opened == 6)
        #expect(try await PostgresDatabase.pendingMigrations(address) == 0)
        let rows = try await Pool(address).run { session throws(PostgreSQLError) in
            try session.run([
                Statement("SELECT set_config('medstream.operator', 'on', true)"),
                Statement("SELECT number FROM medstream.migration ORDER BY number"),
            ])[1].map { row throws(PostgreSQLError) in try row.value(0, as: Int.self) }
        }
        #expect(rows == Array(1...Migration.all.count))
    }

    @Test("A migration that is not ours, or newer than we are, is refused", arguments: [false, true])
    func foreign(isNewer: Bool) async throws {
        let address = try await emptyDatabase()
        _ = try await open(address)
        let change =
            isNewer
            ? "INSERT INTO medstream.migration VALUES (99, 'to come', '')"
            : "UPDATE medstream.migration SET sha256 = 'other' WHERE number = 2"
        try await Pool(address).run { session throws(PostgreSQLError) in
            try session.script("BEGIN; SELECT set_config('medstream.operator', 'on', true); \(change); COMMIT")
        }
        let error = await #expect(throws: PostgresOpenError.self) { try await open(address) }
        switch error {
        case .newerSchema(99)? where isNewer, .otherSchema(2)? where !isNewer: break
        default: Issue.record("\(String(describing: error))")
        }
    }

    @Test("Another keyring is refused, and a rotated one is not")
    func keyring() async throws {
        let address = try await emptyDatabase()
        _ = try await open(address)
        let other = try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
        let error = await #expect(throws: PostgresOpenError.self) {
            try await PostgresDatabase.open(address, limits: TestDatabases.testLimits, keyring: other)
        }
        guard case .wrongKey(let rows, let given)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(rows == TestDatabases.keyring.identity && given == other.identity)
    }

    @Test("A role that is only a member of ours opens what another one made, and keeps rows there")
    func member() async throws {
        let server = try await PostgresServer.shared()
        try await TestDatabases.makeOwner(in: server)
        let name = try await server.database()
        try await server.query("ALTER DATABASE \(name) OWNER TO \(TestDatabases.owner)")
        _ = try await open(try await address(name, TestDatabases.owner))
        try await server.query(
            "CREATE ROLE \(name) LOGIN NOINHERIT PASSWORD '\(name)'; GRANT medstream_app, medstream_operator TO \(name)"
        )
        let database = try await open(try await address(name, name))
        let store = PostgresStore(database)
        let made = Conversation(owner: UserID(), title: "Cough", createdAt: .now)
        try await store.insert(made)
        #expect(try await store.conversation(made.id, of: made.owner) == made)
        #expect(try await PostgresQueue(database).enqueue([NewJob(kind: .purge)]) == 1)
        try await store.optimise()
    }

    @Test("Roles that somebody makes later are taken from then on")
    func later() async throws {
        let server = try await PostgresServer()
        try await server.query("CREATE ROLE plain LOGIN PASSWORD 'plain'")
        let name = try await server.database()
        try await server.query("ALTER DATABASE \(name) OWNER TO plain")
        let address = try ServerAddress(server.url(name, user: "plain", password: "plain"))
        let made = Conversation(owner: UserID(), title: "Cough", createdAt: .now)
        for hasRoles in [false, true] {
            let database = try await open(address)
            #expect(database.hasRoles == hasRoles)
            let store = PostgresStore(database)
            try await store.insert(made)
            #expect(try await store.conversation(made.id, of: made.owner) == made)
            #expect(try await store.statistics().rows["conversation"] == 1)
            guard !hasRoles else { return }
            try await server.query(
                "CREATE ROLE medstream_app; CREATE ROLE medstream_operator; "
                    + "GRANT medstream_app, medstream_operator TO plain")
        }
    }

    @Test("A server that is not there is named, and the password is not")
    func unreachable() async throws {
        let address = try ServerAddress("postgresql://ann:canary@127.0.0.1:1/notes")
        let error = await #expect(throws: PostgresOpenError.self) { try await open(address) }
        #expect(error?.description.contains("127.0.0.1:1") == true)
        #expect(error?.description.contains("canary") == false)
    }

    @Test("No text of a user reaches the server unsealed")
    func canary() async throws {
        let lease = try await TestDatabases.lease()
        let store = PostgresStore(lease.database)
        let user = UserID()
        let canary = "canary-4711"
        try await store.insert(User(id: user, name: canary, email: "\(canary)@example.org", createdAt: .now))
        try await store.save(OnboardingState(owner: user, answers: "\"\(canary)\"", updatedAt: .now))
        let made = Case(owner: user, title: canary, notes: canary, createdAt: .now)
        try await store.insert(made)
        try await store.save(
            StageResult(case: made.id, stage: .chat, owner: user, text: canary, reasoning: canary, createdAt: .now))
        let subject = NewTurn.Subject.newConversation(kind: .chat, title: canary, text: canary)
        var answer = try await store.begin(NewTurn(owner: user, subject: subject, key: canary)).answer
        (answer.text, answer.reasoning, answer.version) = (canary, canary, 2)
        try await store.save(answer, then: [NewJob(kind: .describeConversation, payload: Array(canary.utf8))])
        try await store.describe(answer.conversation, title: canary, summary: canary, of: user)
        for table in StoredTable.allCases {
            let (rows, hits) = try await lease.database.pool.run(as: .care, hasRoles: true) {
                transaction throws(StoreError) in
                // Bytes are searched as bytes, and text as text.
                let row = try transaction.finish(
                    Statement(
                        unchecked: """
                            SELECT count(*), count(*) FILTER (WHERE row_to_json(r)::text LIKE '%\(canary)%'
                              OR row_to_json(r)::text LIKE '%' || encode('\(canary)', 'hex') || '%')
                              FROM medstream.\(table.rawValue) r
                            """))[0]
                return (try row.get(0, as: Int.self), try row.get(1, as: Int.self))
            }
            #expect(rows > 0 || table == .jobDead, "\(table)")
            #expect(hits == 0, "\(table)")
        }
    }

    private func emptyDatabase() async throws -> ServerAddress {
        let server = try await PostgresServer.shared()
        try await TestDatabases.makeOwner(in: server)
        let name = try await server.database()
        try await server.query("ALTER DATABASE \(name) OWNER TO \(TestDatabases.owner)")
        return try await address(name, TestDatabases.owner)
    }

    private func address(_ database: String, _ role: String) async throws -> ServerAddress {
        try ServerAddress(try await PostgresServer.shared().url(database, user: role, password: role))
    }

    private func open(_ address: ServerAddress) async throws -> PostgresDatabase {
        try await PostgresDatabase.open(address, limits: TestDatabases.testLimits, keyring: TestDatabases.keyring)
    }
}
