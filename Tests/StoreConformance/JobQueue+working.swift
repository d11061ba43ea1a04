package import Persistence

/// One process that works on a queue.
package struct TestWorker: Sendable {
    package let queue: any JobQueue
    package let liveness: any WorkerLiveness

    package init(on queue: any JobQueue) async throws {
        self.queue = queue
        liveness = try await queue.join()
    }

    /// Takes what is due.
    package func lease(
        _ kind: JobKind = .saveTurn, limit: Int = 10, for duration: Duration = .seconds(30)
    ) async throws -> Lease? {
        try await queue.lease(LeaseRequest(kind, limit: limit, worker: liveness.worker, duration: duration))
    }

    /// Ends as a process does: the system takes its lock away.
    package func die() async { await liveness.leave() }
}

extension Lease {
    /// One verdict over all of its jobs.
    package func settlements(_ verdict: Settlement.Verdict) -> [Settlement] {
        jobs.map { Settlement($0.id, token, verdict) }
    }
}

extension JobQueue {
    /// Adds a job to be told by its payload.
    @discardableResult
    package func add(
        _ text: String, kind: JobKind = .saveTurn, key: String? = nil, group: String? = nil,
        priority: JobPriority = .normal, delay: Duration = .zero
    ) async throws -> NewJob {
        let job = NewJob(
            kind: kind, uniqueKey: key, group: group, priority: priority, delay: delay, payload: Array(text.utf8))
        try await enqueue([job])
        return job
    }

    /// The records in a state, page by page.
    package func all(_ state: JobState, of kind: JobKind? = nil, page: Int = 100) async throws -> [JobRecord] {
        var all: [JobRecord] = []
        var cursor: String?
        repeat {
            let next = try await jobs(in: state, of: kind, after: cursor, limit: page)
            all += next.items
            cursor = next.next
        } while cursor != nil
        return all
    }
}

extension Lease? {
    /// What the payloads of the leased jobs say, in order; nothing when there is no lease.
    package var texts: [String] { (self?.jobs ?? []).map { String(decoding: $0.payload ?? [], as: UTF8.self) } }
}
