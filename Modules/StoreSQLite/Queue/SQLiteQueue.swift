import Core
public import Encryption
public import Persistence
public import SQLite

/// A queue in a file of SQLite: that of the store, or one of its own as a spool.
///
/// Any number of processes may have it open. A worker is alive as long as it holds the lock on a file of its own beside the
/// database, which the kernel frees when the process ends, however it ends.
public final class SQLiteQueue: JobQueue {
    let database: Database
    let keyring: Keyring
    let clock: QueueClock
    let locks: WorkerLocks

    /// Makes the queue's tables where there are none.
    ///
    /// - Parameters:
    ///   - database: whose path the workers' folder is named after.
    ///   - keyring: seals payloads.
    ///   - clock: what times are read from.
    /// - Throws: ``Persistence/StoreError``.
    public init(_ database: Database, _ keyring: Keyring, clock: QueueClock = .system) async throws(StoreError) {
        self.database = database
        self.keyring = keyring
        self.clock = clock
        locks = WorkerLocks(folder: "\(database.settings.path).workers")
        try await write { transaction in try transaction.execute(QueueSchema.tables) }
    }

    @discardableResult
    public func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> Int {
        guard !jobs.isEmpty else { return 0 }
        let sealed = jobs.map { SealedJob($0, with: keyring) }
        let now = clock.wall()
        let count = try await write(bytes: sealed.reduce(0) { $0 + $1.bytes }) { transaction in
            var count = 0
            for job in sealed where try job.insert(in: transaction, at: now) { count += 1 }
            return count
        }
        FaultPoint.reach("queue_after_enqueue")
        return count
    }

    public func join() async throws(StoreError) -> any WorkerLiveness {
        do {
            return try locks.join()
        } catch {
            throw .unavailable(error)
        }
    }

    // MARK: Calling the database

    func write<Result: Sendable>(
        bytes: Int = 0, _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) async throws(StoreError) -> Result {
        do {
            return try await database.write(bytes: bytes, body)
        } catch {
            throw StoreError(ofFile: error)
        }
    }

    func read<Result: Sendable>(
        within limit: Duration? = nil, _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) async throws(StoreError) -> Result {
        do {
            return try await database.read(within: limit, body)
        } catch {
            throw StoreError(ofFile: error)
        }
    }
}
