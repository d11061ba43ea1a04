/// A durable queue of jobs: what is enqueued is delivered at least once, or stands among the dead letters.
///
/// A job is *ready*, *leased* or *dead*. A worker leases some, does what they ask for, and settles them; only a
/// settlement by the token of the lease has any effect, so that a job which another worker took over meanwhile is left
/// alone. What leases say about time does not depend on the wall clock of any worker.
///
/// Every call is atomic. What a call has returned from is on the disk. Calls may come from any number of processes at
/// once, and any of them may throw ``StoreError/unavailable(_:)``; whether a write happened is then unknown, and making
/// the same call again is safe, but for a lease: what it took comes back when its time is over.
public protocol JobQueue: Sendable {
    // MARK: Putting in

    /// Adds jobs, but for those whose id the queue has already, and those whose unique key one has that is ready or leased.
    ///
    /// - Returns: how many were added.
    /// - Throws: ``StoreError/full`` when the queue has reached its bounds or the disk is full; nothing was added then.
    @discardableResult
    func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> Int

    // MARK: Working

    /// Joins the workers of the queue: from now on, others notice at once when this process ends.
    func join() async throws(StoreError) -> any WorkerLiveness

    /// Takes jobs of one kind that are due: those of a higher priority first, then those that waited for their time, then
    /// in the order they were enqueued in.
    ///
    /// Of a kind that keeps the order of its groups (``JobKind/keepsOrder``), a job is left out as long as an earlier one of
    /// its group is delayed, in the hands of others, or left out itself. Dead letters hold nobody up.
    ///
    /// A job that a worker died over comes alone, so that it cannot drag others along. What was enqueued for a time, and
    /// is further ahead than the wait it was given, is due: the wall clock was set back.
    ///
    /// - Returns: `nil` when nothing of the kind is due.
    func lease(_ request: LeaseRequest) async throws(StoreError) -> Lease?

    /// Lets leases hold for so long from now on.
    ///
    /// - Returns: those of them that still hold a job; the others are lost, or wholly settled.
    func extend(_ tokens: [LeaseToken], by duration: Duration) async throws(StoreError) -> Set<LeaseToken>

    /// Settles jobs, all in one step.
    ///
    /// - Returns: those that were settled; the others are in other hands by now, or gone.
    @discardableResult
    func settle(_ settlements: [Settlement]) async throws(StoreError) -> Set<JobID>

    /// Frees what is held by workers that are gone, by leases that have run out, and from before the machine's start.
    ///
    /// A job that was leased ``JobRules/crashLoopDeliveries`` times without being settled becomes a dead letter.
    func reclaim() async throws(StoreError) -> Reclaimed

    // MARK: Looking after

    /// Jobs in the order of their ids, which is that of their making.
    ///
    /// `cursor` is the `next` of the page before; `limit` is at least 1. Throws ``StoreError/notFound`` for what is no
    /// cursor.
    func jobs(
        in state: JobState, of kind: JobKind?, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<JobRecord>

    /// - Throws: ``StoreError/notFound``.
    func job(_ id: JobID) async throws(StoreError) -> JobRecord

    /// The job with a unique key: that which is ready or leased, or else a dead letter.
    ///
    /// - Throws: ``StoreError/notFound``.
    func job(withKey uniqueKey: String) async throws(StoreError) -> JobRecord

    /// What a job holds, opened; that `actor` asked is recorded in the same step.
    ///
    /// - Returns: `nil` when no key opens it.
    /// - Throws: ``StoreError/notFound``.
    func reveal(_ id: JobID, by actor: String) async throws(StoreError) -> [UInt8]?

    /// Puts a dead letter back, with its old unique key and a fresh count of attempts; due at once.
    ///
    /// - Returns: `false` when a job with its key is in the queue already; the dead letter stays.
    /// - Throws: ``StoreError/notFound`` when there is no such dead letter.
    func replay(_ id: JobID) async throws(StoreError) -> Bool

    /// Puts all dead letters of a kind back, as ``replay(_:)`` does.
    ///
    /// - Returns: how many were put back.
    func replayAll(_ kind: JobKind) async throws(StoreError) -> Int

    /// Deletes a dead letter for good; that `actor` did it is recorded in the same step.
    ///
    /// - Throws: ``StoreError/notFound`` when there is no such dead letter.
    func drop(_ id: JobID, by actor: String) async throws(StoreError)

    /// Deletes every job and dead letter of a group, as when its user is deleted.
    ///
    /// - Returns: how many there were.
    func forget(group: String) async throws(StoreError) -> Int

    /// Seals payloads anew that were sealed with another key than the current one, at most `limit` of them.
    /// - Returns: how many are left; 0 when all are sealed with the current key.
    func reencrypt(limit: Int) async throws(StoreError) -> Int

    /// Counts by kind, of those kinds that have any job, in the order of their names.
    func statistics() async throws(StoreError) -> [KindStatistics]

    /// The last acts of operators, newest first.
    func audit(limit: Int) async throws(StoreError) -> [QueueAuditEntry]
}

/// What ``JobQueue/reclaim()`` found.
public struct Reclaimed: Sendable, Hashable {
    /// Jobs that are ready again.
    public var returned: Int
    /// Jobs that became dead letters, as `crash_loop`.
    public var buried: Int

    public init(returned: Int = 0, buried: Int = 0) {
        self.returned = returned
        self.buried = buried
    }
}

/// A worker's place among those of a queue, which ends with its process or with ``leave()``.
public protocol WorkerLiveness: Sendable {
    /// What the worker is called in leases.
    var worker: WorkerID { get }

    /// Whether the lock that proves the worker alive is still its own; when not, it must stop and join anew.
    func isHeld() async -> Bool

    /// Gives the place up; what the worker still holds may be reclaimed at once.
    func leave() async
}

/// The rules that every queue and worker follows.
public enum JobRules {
    /// A job that was leased so often without being settled is taken for one that kills its workers.
    public static let crashLoopDeliveries = 5
    /// Failures of one job before it becomes a dead letter.
    public static let maxAttempts = 12
    /// The same, for failures that time does not heal.
    public static let maxHopelessAttempts = 3
    /// The longest wait after a failure.
    public static let longestBackoff = Duration.seconds(300)
}
