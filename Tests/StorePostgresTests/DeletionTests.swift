import Core
import Persistence
import PostgreSQL
import PostgresSupport
@testable import StorePostgres
import Synchronization
import Testing

@Suite("A deletion in a database", .timeLimit(.minutes(2)))
struct DeletionTests {
    @Test("One that fails before it is noted is made again, and noted then", arguments: [1, 500, 501, 1000])
    func brokenOff(conversations: Int) async throws {
        let lease = try await TestDatabases.lease()
        let store = PostgresStore(lease.database)
        let user = UserID()
        let fill = """
            INSERT INTO medstream.conversation (id, owner, kind, is_named, created_at, updated_at, body, key)
            SELECT gen_random_uuid(), '\(user)', 'chat', false, n, n, '', 0 FROM generate_series(1, \(conversations)) n
            """
        _ = try await lease.database.pool.run(as: .care, hasRoles: lease.database.hasRoles) {
            transaction throws(StoreError) in try transaction.finish(Statement(unchecked: fill))
        }
        try await script(
            lease,
            """
            CREATE FUNCTION medstream.broken() RETURNS trigger LANGUAGE plpgsql
              AS $$ BEGIN RAISE EXCEPTION 'broken off'; END $$;
            CREATE TRIGGER broken BEFORE INSERT ON medstream.deletion EXECUTE FUNCTION medstream.broken();
            """)
        await #expect(throws: StoreError.self) { try await store.deleteUser(user) }
        #expect(try await store.statistics().rows["conversation"] ?? 0 > 0)
        try await script(lease, "DROP TRIGGER broken ON medstream.deletion; DROP FUNCTION medstream.broken()")
        let receipt = try await store.deleteUser(user)
        #expect(receipt.rows["conversation"] ?? 0 > 0)
        #expect(try await store.deletions(after: 0, limit: 9).map(\.receipt) == [receipt])
        #expect(try await store.statistics().rows["conversation"] == 0)
    }

    @Test("Whoever has read up to a place has read every deletion before it")
    func order() async throws {
        let lease = try await TestDatabases.lease()
        let store = PostgresStore(lease.database)
        let users = (0..<24).map { _ in UserID() }
        for user in users { try await store.insert(Conversation(owner: user, createdAt: .now)) }
        // So that one which is noted later is committed earlier, if nothing hinders it.
        try await slowDown(lease, seconds: 0.05)
        let isOver = Mutex(false)
        let deleter = Task {
            defer { isOver.withLock { $0 = true } }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for user in users { group.addTask { _ = try await store.deleteUser(user) } }
                try await group.waitForAll()
            }
        }
        var seen: [UserID] = []
        var place = 0
        var wasOver = false
        while true {
            let news = try await store.deletions(after: place, limit: 3)
            seen += news.map(\.receipt.user)
            place = news.last?.place ?? place
            if news.isEmpty, wasOver { break }
            wasOver = isOver.withLock { $0 }
        }
        try await deleter.value
        try await speedUp(lease)
        #expect(Set(seen) == Set(users) && seen.count == users.count)
    }

    @Test("What is begun beside a deletion is deleted with it, or can be told to have come before it")
    func beside() async throws {
        let lease = try await TestDatabases.lease()
        let store = PostgresStore(lease.database)
        // Between what it deletes and its end there is time to begin something, if nothing hinders it.
        try await slowDown(lease, seconds: 0.02)
        for _ in 0..<100 {
            let user = UserID()
            try await store.insert(Conversation(owner: user, createdAt: .now))
            let turn = NewTurn(
                owner: user, subject: .newConversation(kind: .chat, title: "", text: "Go"), begunAt: .now)
            async let deletion = store.deleteUser(user)
            let begun = try await store.begin(turn)
            let isTold = try await store.wasDeleted(user, since: try #require(turn.begunAt))
            _ = try await deletion
            let left = try await store.conversations(of: user, after: nil, limit: 9).items
            #expect(isTold || left.allSatisfy { $0.id != begun.turn.conversation })
        }
        try await speedUp(lease)
    }

    /// Has each deletion take up to so long between its note and its end.
    private func slowDown(_ lease: TestDatabases.Lease, seconds: Double) async throws {
        try await script(
            lease,
            """
            CREATE FUNCTION medstream.slow() RETURNS trigger LANGUAGE plpgsql
              AS $$ BEGIN PERFORM pg_sleep(random() * \(seconds)); RETURN NULL; END $$;
            CREATE TRIGGER slow AFTER INSERT ON medstream.deletion EXECUTE FUNCTION medstream.slow();
            """)
    }

    private func speedUp(_ lease: TestDatabases.Lease) async throws {
        try await script(lease, "DROP TRIGGER slow ON medstream.deletion; DROP FUNCTION medstream.slow()")
    }

    private func script(_ lease: TestDatabases.Lease, _ sql: String) async throws {
        try await lease.database.pool.run { session throws(PostgreSQLError) in try session.script(sql) }
    }
}
