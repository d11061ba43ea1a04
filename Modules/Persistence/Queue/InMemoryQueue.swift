import Core
import Synchronization

/// A queue that forgets everything with the process: for tests and first steps.
///
/// Each call holds one lock and looks at every job. All workers are of one process, so that one is gone when it left.
public final class InMemoryQueue: JobQueue {
    private let state = Mutex(QueueState())
    private let clock: QueueClock

    public init(clock: QueueClock = .system) { self.clock = clock }

    @discardableResult
    public func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> Int { insert(jobs) }

    /// Adds jobs as ``enqueue(_:)`` does, at once: for a store that enqueues what follows a write.
    @discardableResult
    public func insert(_ jobs: [NewJob]) -> Int {
        state.withLock { state in jobs.count { state.insert($0, at: clock.wall()) } }
    }

    public func join() async throws(StoreError) -> any WorkerLiveness {
        let worker = WorkerID()
        state.withLock { _ = $0.alive.insert(worker) }
        return Place(worker: worker, queue: self)
    }

    private struct Place: WorkerLiveness {
        let worker: WorkerID
        let queue: InMemoryQueue

        func isHeld() async -> Bool { queue.state.withLock { $0.alive.contains(worker) } }

        func leave() async { queue.state.withLock { _ = $0.alive.remove(worker) } }
    }

    public func lease(_ request: LeaseRequest) async throws(StoreError) -> Lease? {
        state.withLock { $0.lease(request, clock) }
    }

    public func extend(_ tokens: [LeaseToken], by duration: Duration) async throws(StoreError) -> Set<LeaseToken> {
        state.withLock { $0.extend(tokens, until: clock.sinceBoot() + duration) }
    }

    @discardableResult
    public func settle(_ settlements: [Settlement]) async throws(StoreError) -> Set<JobID> {
        state.withLock { state in
            Set(settlements.filter { state.settle($0, at: clock.wall()) }.map(\.job))
        }
    }

    public func reclaim() async throws(StoreError) -> Reclaimed { state.withLock { $0.reclaim(clock) } }

    public func jobs(
        in state: JobState, of kind: JobKind?, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<JobRecord> {
        let place: JobID? = if let cursor { JobID(cursor) } else { nil }
        guard cursor == nil || place != nil else { throw .notFound }
        let all = self.state.withLock { $0.records }
            .filter { $0.state == state && (kind == nil || $0.kind == kind) && $0.id.text > place?.text ?? "" }
            .sorted { $0.id.text < $1.id.text }
        let page = all.prefix(max(1, limit))
        return Page(items: Array(page), next: page.count < all.count ? page.last?.id.text : nil)
    }

    public func job(_ id: JobID) async throws(StoreError) -> JobRecord {
        guard let record = state.withLock({ $0.record(id) }) else { throw .notFound }
        return record
    }

    public func job(withKey uniqueKey: String) async throws(StoreError) -> JobRecord {
        let found = state.withLock { $0.records }.filter { $0.uniqueKey == uniqueKey }
        guard let record = found.first(where: { $0.state != .dead }) ?? found.max(by: { $0.id.text < $1.id.text })
        else {
            throw .notFound
        }
        return record
    }

    public func reveal(_ id: JobID, by actor: String) async throws(StoreError) -> [UInt8]? {
        let payload = state.withLock { state -> [UInt8]? in
            guard let row = state.rows[id] ?? state.dead[id] else { return nil }
            state.note(.reveal, row, by: actor, at: clock.wall())
            return row.job.payload
        }
        guard let payload else { throw .notFound }
        return payload
    }

    public func replay(_ id: JobID) async throws(StoreError) -> Bool {
        guard let isReplayed = state.withLock({ $0.replay(id) }) else { throw .notFound }
        return isReplayed
    }

    public func replayAll(_ kind: JobKind) async throws(StoreError) -> Int {
        state.withLock { state in
            state.dead.values.filter { $0.job.kind == kind }.sorted { $0.place < $1.place }
                .count { state.replay($0.job.id) == true }
        }
    }

    public func drop(_ id: JobID, by actor: String) async throws(StoreError) {
        let isThere = state.withLock { state in
            guard let row = state.dead.removeValue(forKey: id) else { return false }
            state.note(.drop, row, by: actor, at: clock.wall())
            return true
        }
        guard isThere else { throw .notFound }
    }

    public func forget(group: String) async throws(StoreError) -> Int {
        state.withLock { state in
            let before = state.rows.count + state.dead.count
            state.rows = state.rows.filter { $0.value.job.group != group }
            state.dead = state.dead.filter { $0.value.job.group != group }
            return before - state.rows.count - state.dead.count
        }
    }

    /// Does nothing: what is in memory is not sealed.
    public func reencrypt(limit: Int) async throws(StoreError) -> Int { 0 }

    public func statistics() async throws(StoreError) -> [KindStatistics] {
        let now = clock.wall()
        return state.withLock { $0.statistics(at: now) }
    }

    public func audit(limit: Int) async throws(StoreError) -> [QueueAuditEntry] {
        state.withLock { Array($0.audit.suffix(max(0, limit)).reversed()) }
    }
}
