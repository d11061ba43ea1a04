public import Core
public import Persistence
import PostgreSQL
import Synchronization

/// One process among those that share a database, for as long as it runs: others learn of its end by its lock.
///
/// It holds an advisory lock on a connection of its own, which the server frees when the process ends, however that
/// happens. Where no connection is one's own, behind a pooler of transactions, it is heard of each ten seconds instead, and
/// taken for gone after thirty.
public final class PostgresNode: Sendable {
    /// New with each process.
    public let id: ProcessID
    private let keeper: Pool
    private let pool: Pool
    private let hasRoles: Bool
    private let holdsLock: Bool
    private let heart = Mutex<Task<Void, Never>?>(nil)

    /// The name of one run of a program, never used again.
    public struct ProcessID: Identifier {
        public let text: String

        /// - Returns: `nil` unless `text` is a UUID in lower case.
        public init?(_ text: String) {
            guard UUIDv7.isValid(text) else { return nil }
            self.text = text
        }

        public init() { text = UUIDv7.make() }
    }

    /// Joins the processes of a database.
    ///
    /// - Throws: ``StoreError/unavailable(_:)``.
    public init(joining database: PostgresDatabase) async throws(StoreError) {
        id = ProcessID()
        pool = database.pool
        hasRoles = database.hasRoles
        holdsLock = !pool.address.isTransactionPooler
        // Positive, so that its halves are what `pg_locks` shows.
        let key = Int.random(in: 1...Int.max)
        var limits = Pool.Limits(
            connections: 1, connectTimeout: database.pool.limits.connectTimeout, timeout: database.pool.limits.timeout)
        limits.lifetime = .seconds(1 << 40)
        let holdsLock = holdsLock
        keeper = Pool(pool.address, limits) { session throws(PostgreSQLError) in
            guard holdsLock else { return }
            // An old connection of ours that the server has not given up yet still holds it; then we are alive as well.
            let isHeld = try session.run(Statement("SELECT pg_try_advisory_lock($1)", [.int(key)]))[0].value(
                0, as: Bool.self)
            guard isHeld else {
                throw PostgreSQLError(.outage, "The lock of this process is still held by an old connection")
            }
        }
        try await beat()
        let row: [Value] = [.uuid(id.text), .int(key), .bool(holdsLock)]
        try await pool.run(as: .care, hasRoles: hasRoles) { transaction throws(StoreError) in
            _ = try transaction.finish(
                Statement("INSERT INTO medstream.node (id, lock_key, holds_lock) VALUES ($1, $2, $3)", row))
        }
        heart.withLock { $0 = Task { [weak self] in await Self.keepBeating(WeakNode(self)) } }
    }

    deinit {
        stopBeating()
        keeper.close()
    }

    /// Lets the connection be as it is, as a process that hangs would.
    func stopBeating() { heart.withLock { $0?.cancel() } }

    /// Ends the membership: what the process held is free at once.
    public func leave() async {
        stopBeating()
        let id = id.text
        try? await pool.run(as: .care, hasRoles: hasRoles) { transaction throws(StoreError) in
            _ = try transaction.finish(Statement("DELETE FROM medstream.node WHERE id = $1", [.uuid(id)]))
        }
        keeper.close()
    }

    /// The number of the server's process that holds the lock for us; another one after the connection was lost.
    func holder() async -> Int? { try? await keeper.run { session throws(PostgreSQLError) in try session.alive() } }

    /// Nobody is kept alive by its own heart.
    private struct WeakNode: Sendable {
        weak let node: PostgresNode?

        init(_ node: PostgresNode?) { self.node = node }
    }

    private static func keepBeating(_ body: WeakNode) async {
        while !Task.isCancelled {
            guard let node = body.node else { return }
            // Reaching the server is what makes a lost lock be taken again.
            try? await node.beat()
            let pause: Duration = node.holdsLock ? .seconds(1) : .seconds(10)
            try? await Task.sleep(for: pause)
        }
    }

    private func beat() async throws(StoreError) {
        if holdsLock {
            do {
                _ = try await keeper.run { session throws(PostgreSQLError) in try session.alive() }
            } catch {
                throw StoreError(error)
            }
        } else {
            let id = id.text
            try await pool.run(as: .care, hasRoles: hasRoles) { transaction throws(StoreError) in
                _ = try transaction.finish(
                    Statement("UPDATE medstream.node SET seen_at = now() WHERE id = $1", [.uuid(id)]))
            }
        }
    }
}

extension Session {
    /// Asks the server for a sign of life; answers the number of its process.
    fileprivate func alive() throws(PostgreSQLError) -> Int {
        try run(Statement("SELECT 1"))
        return process
    }
}
