import Core
import Persistence
import PostgreSQL
import PostgresSupport
@testable import StorePostgres
import TestSupport
import Testing

@Suite("Processes that share a database", .timeLimit(.minutes(2)))
struct LivenessTests {
    private let user = UserID()

    @Test("An answer that a process left open is found once its lock is gone, and not before")
    func unfinished() async throws {
        let lease = try await TestDatabases.lease()
        let node = try await PostgresNode(joining: lease.database)
        let other = try await PostgresNode(joining: lease.database)
        let turn = try await begin(PostgresStore(lease.database, node: node))
        let store = PostgresStore(lease.database, node: other)
        let tool = PostgresStore(lease.database)
        for store in [store, tool] { #expect(try await store.unfinished(limit: 10) == []) }
        try await loseConnection(of: node, in: lease.database, forGood: true)
        // The server has said that the session ends; its lock goes a moment later.
        try await wait(while: try await store.unfinished(limit: 10).isEmpty)
        for store in [store, tool] { #expect(try await store.unfinished(limit: 10).map(\.id) == [turn.answer.id]) }
        var answer = turn.answer
        (answer.state, answer.outcome, answer.version) = (.final, .interrupted, Message.finalVersion)
        try await store.save(answer)
        #expect(try await store.unfinished(limit: 10) == [])
    }

    @Test("A process that lost its connection takes its lock again by itself")
    func reconnect() async throws {
        let lease = try await TestDatabases.lease()
        let node = try await PostgresNode(joining: lease.database)
        _ = try await begin(PostgresStore(lease.database, node: node))
        let tool = PostgresStore(lease.database)
        let before = await node.holder()
        try await loseConnection(of: node, in: lease.database, forGood: false)
        try await wait(while: await node.holder().map({ $0 == before }) ?? true)
        #expect(try await tool.unfinished(limit: 10) == [])
    }

    @Test("A worker that lost its connection knows that its lock was free in between")
    func worker() async throws {
        let lease = try await TestDatabases.lease()
        let queue = PostgresQueue(lease.database)
        let liveness = try await queue.join()
        #expect(await liveness.isHeld())
        try await endSessions(holdingLocks: lease.database)
        try await wait(while: await liveness.isHeld())
        await liveness.leave()
        #expect(await !liveness.isHeld())
    }

    @Test("Behind a pooler of transactions a process is alive as long as it was heard of lately")
    func pooled() async throws {
        let server = try await PostgresServer.shared()
        let database = try await TestDatabases.make(in: server, parameters: "?pgbouncer=true")
        let node = try await PostgresNode(joining: database)
        _ = try await begin(PostgresStore(database, node: node))
        let tool = PostgresStore(database)
        #expect(try await tool.unfinished(limit: 10) == [])
        try await care("UPDATE medstream.node SET seen_at = now() - interval '31 seconds'", database)
        #expect(try await tool.unfinished(limit: 10).count == 1)
    }

    private func begin(_ store: PostgresStore) async throws -> BegunTurn {
        try await store.begin(NewTurn(owner: user, subject: .newConversation(kind: .chat, title: "", text: "Go")))
    }

    /// Ends the session that holds a process's lock.
    private func loseConnection(of node: PostgresNode, in database: PostgresDatabase, forGood: Bool) async throws {
        let holder = try #require(await node.holder())
        if forGood { node.stopBeating() }
        try await PostgresServer.shared().query("SELECT pg_terminate_backend(\(holder))")
    }

    private func endSessions(holdingLocks database: PostgresDatabase) async throws {
        try await PostgresServer.shared().query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database
             WHERE locktype = 'advisory' AND datname = '\(database.name)'
            """)
    }

    private func care(_ sql: String, _ database: PostgresDatabase) async throws {
        try await database.pool.run(as: .care, hasRoles: database.hasRoles) { transaction throws(StoreError) in
            _ = try transaction.finish(Statement(unchecked: sql))
        }
    }
}

extension PostgresDatabase {
    /// What the database is called on its server.
    fileprivate var name: String { String(pool.address.description.split(separator: "/").last ?? "") }
}
