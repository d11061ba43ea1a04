import Persistence
import TestSupport

/// A queue that can be switched off.
final class FlakyQueue: JobQueue {
    let isDown = Switch()
    private let queue: InMemoryQueue

    init(_ queue: InMemoryQueue) { self.queue = queue }

    private struct Down: Error {}

    private func up() throws(StoreError) -> InMemoryQueue {
        if isDown.isOn { throw .unavailable(Down()) }
        return queue
    }

    func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> Int { try await up().enqueue(jobs) }
    func join() async throws(StoreError) -> any WorkerLiveness { try await up().join() }
    func lease(_ request: LeaseRequest) async throws(StoreError) -> Lease? { try await up().lease(request) }
    func extend(_ tokens: [LeaseToken], by duration: Duration) async throws(StoreError) -> Set<LeaseToken> {
        try await up().extend(tokens, by: duration)
    }
    func settle(_ settlements: [Settlement]) async throws(StoreError) -> Set<JobID> {
        try await up().settle(settlements)
    }
    func reclaim() async throws(StoreError) -> Reclaimed { try await up().reclaim() }
    func jobs(
        in state: JobState, of kind: JobKind?, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<JobRecord> {
        try await up().jobs(in: state, of: kind, after: cursor, limit: limit)
    }
    func job(_ id: JobID) async throws(StoreError) -> JobRecord { try await up().job(id) }
    func job(withKey uniqueKey: String) async throws(StoreError) -> JobRecord { try await up().job(withKey: uniqueKey) }
    func reveal(_ id: JobID, by actor: String) async throws(StoreError) -> [UInt8]? {
        try await up().reveal(id, by: actor)
    }
    func replay(_ id: JobID) async throws(StoreError) -> Bool { try await up().replay(id) }
    func replayAll(_ kind: JobKind) async throws(StoreError) -> Int { try await up().replayAll(kind) }
    func drop(_ id: JobID, by actor: String) async throws(StoreError) { try await up().drop(id, by: actor) }
    func forget(group: String) async throws(StoreError) -> Int { try await up().forget(group: group) }
    func reencrypt(limit: Int) async throws(StoreError) -> Int { try await up().reencrypt(limit: limit) }
    func statistics() async throws(StoreError) -> [KindStatistics] { try await up().statistics() }
    func audit(limit: Int) async throws(StoreError) -> [QueueAuditEntry] { try await up().audit(limit: limit) }
}
