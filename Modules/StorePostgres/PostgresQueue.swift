import Core
import Encryption
public import Persistence
import PostgreSQL

/// The queue beside the store in PostgreSQL, for any number of workers on any number of machines.
///
/// Time is the server's. A worker is alive as long as it holds its advisory lock, see ``PostgresNode``. Nothing is
/// announced: workers ask each second, which costs less than NOTIFY's lock at every commit.
public final class PostgresQueue: JobQueue {
    let database: PostgresDatabase
    let keyring: Keyring

    /// A queue in a database that is open.
    public init(_ database: PostgresDatabase) {
        self.database = database
        keyring = database.keyring
    }

    @discardableResult
    public func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> Int {
        guard !jobs.isEmpty else { return 0 }
        let statement = JobRows(jobs, keyring).enqueueing
        let count = try await run { transaction throws(StoreError) in try transaction.finish(statement).affected }
        FaultPoint.reach("queue_after_enqueue")
        return count
    }

    public func join() async throws(StoreError) -> any WorkerLiveness {
        try await PostgresWorkerLiveness(PostgresNode(joining: database))
    }

    /// Rows of jobs that are done and not cleared away yet; past 20,000 leasing becomes slow.
    ///
    /// - Throws: ``StoreError/unavailable(_:)``.
    public func deadRows() async throws(StoreError) -> Int {
        try await run { transaction throws(StoreError) in
            try transaction.finish(
                Statement("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = 'medstream.job'::regclass")
            ).first?.get(0) ?? 0
        }
    }

    func run<Answer: Sendable>(
        within timeout: Duration? = nil,
        _ work: @escaping @Sendable (inout Transaction) throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        try await database.pool.run(as: .care, hasRoles: database.hasRoles, within: timeout, work)
    }
}

/// A worker among those of the queue, alive by the lock of its process.
private final class PostgresWorkerLiveness: WorkerLiveness {
    private let node: PostgresNode
    /// The server's process that held the lock when the worker joined: another one may have let it go in between.
    private let holder: Int?
    let worker: WorkerID

    init(_ node: PostgresNode) async throws(StoreError) {
        guard let worker = WorkerID(node.id.text) else { throw .unavailable(MissingResult()) }
        self.worker = worker
        self.node = node
        holder = await node.holder()
    }

    func isHeld() async -> Bool {
        guard let now = await node.holder() else { return false }
        return now == holder
    }

    func leave() async { await node.leave() }
}
