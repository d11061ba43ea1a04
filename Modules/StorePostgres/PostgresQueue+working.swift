import Core
import Encryption
public import Persistence
import PostgreSQL

/// Leasing, settling, reclaiming.
extension PostgresQueue {
    public func lease(_ request: LeaseRequest) async throws(StoreError) -> Lease? {
        let token = LeaseToken()
        let taking: [Value] = [
            .text(token.text), .uuid(request.worker.text), .int(request.duration.millisecondsRoundedUp),
        ]
        let rows = try await run { transaction throws(StoreError) in
            var selection = Selection(request)
            // Most often what is found is what is taken; where the order of groups left jobs out, more are looked at.
            for step in [request.limit, 4 * request.limit + 64, 2000, 20_000] {
                selection = Selection(request)
                let due = Statement(
                    unchecked: QueueStatements.due,
                    [.text(request.kind.rawValue), .int(step), .bool(request.kind.keepsOrder)])
                let rows = try transaction.run(due)
                for row in rows { selection.consider(try Candidate(row)) }
                guard selection.hasSkipped, rows.count >= step else { break }
            }
            // Those that are locked and left are free again when the transaction ends.
            guard !selection.taken.isEmpty else { return nil as Rows? }
            return try transaction.finish(
                Statement(QueueStatements.take, taking + [.uuids(selection.taken.map(\.id))]))
        }
        guard let rows else { return nil }
        FaultPoint.reach("queue_after_lease")
        let keyring = keyring
        let jobs = try rows.map { row throws(StoreError) in try LeasedJob(row, request.kind, keyring) }
        return Lease(token: token, jobs: jobs.compactMap(\.self))
    }

    public func extend(_ tokens: [LeaseToken], by duration: Duration) async throws(StoreError) -> Set<LeaseToken> {
        guard !tokens.isEmpty else { return [] }
        return try await run { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    """
                    UPDATE medstream.job SET lease_until = now() + $2 * interval '1 millisecond'
                     WHERE state = 1 AND lease_token = ANY($1) RETURNING lease_token
                    """, [.texts(tokens.map(\.text)), .int(duration.millisecondsRoundedUp)]))
            let held = try rows.map { row throws(StoreError) in try row.get(0, as: String.self) }
            return Set(held.compactMap { LeaseToken($0) })
        }
    }

    @discardableResult
    public func settle(_ settlements: [Settlement]) async throws(StoreError) -> Set<JobID> {
        guard !settlements.isEmpty else { return [] }
        let statement = Statement(
            QueueStatements.settle,
            [
                .uuids(settlements.map(\.job.text)), .texts(settlements.map(\.token.text)),
                .ints(settlements.map(\.verdict.number)), .ints(settlements.map(\.verdict.wait)),
                .texts(settlements.map(\.verdict.reason)),
            ])
        let settled = try await run { transaction throws(StoreError) in
            try transaction.finish(statement).map { row throws(StoreError) in try row.get(0, as: String.self) }
        }
        FaultPoint.reach("queue_after_settle")
        return Set(settled.compactMap { JobID($0) })
    }

    public func reclaim() async throws(StoreError) -> Reclaimed {
        try await run(within: .seconds(10)) { transaction throws(StoreError) in
            let rows = try transaction.finish([
                Statement(QueueStatements.freeWhatClockHolds),
                Statement(QueueStatements.reclaim, [.int(JobRules.crashLoopDeliveries)]),
            ])
            guard let row = rows[1].first else { return Reclaimed() }
            return Reclaimed(returned: try row.get(0), buried: try row.get(1))
        }
    }
}

extension Settlement.Verdict {
    /// As ``QueueStatements/settle`` knows it.
    fileprivate var number: Int {
        switch self {
        case .finish: 0
        case .giveBack: 1
        case .retry: 2
        case .bury: 3
        }
    }

    fileprivate var wait: Int {
        if case .retry(let wait, _) = self { Int(wait.milliseconds) } else { 0 }
    }

    fileprivate var reason: String {
        switch self {
        case .finish, .giveBack: ""
        case .retry(_, let reason), .bury(let reason): reason.description
        }
    }
}

/// A job that is due and locked for us.
private struct Candidate {
    let id: String
    let place: Int
    let deliveries: Int
    let group: String?
    /// How many of its group and kind came before it and are still there.
    let earlier: Int

    init(_ row: Row) throws(StoreError) {
        id = try row.get(0)
        place = try row.get(1)
        deliveries = try row.get(2)
        group = try row.get(3)
        earlier = try row.get(4)
    }
}

/// What of the due jobs, in their order, one lease takes.
private struct Selection {
    private let request: LeaseRequest
    private(set) var taken: [Candidate] = []
    /// Whether a job was left out for one of its group.
    private(set) var hasSkipped = false
    private var isAlone = false

    /// Whether more may come.
    var isOpen: Bool { !isAlone && taken.count < request.limit }

    init(_ request: LeaseRequest) { self.request = request }

    mutating func consider(_ job: Candidate) {
        guard isOpen else { return }
        guard isNext(job) else {
            hasSkipped = true
            return
        }
        // One that a worker died over comes alone, so that it cannot drag others along.
        isAlone = job.deliveries > 0
        if !isAlone || taken.isEmpty { taken.append(job) }
    }

    /// Whether all that came before a job in its group is taken with it.
    private func isNext(_ job: Candidate) -> Bool {
        guard request.kind.keepsOrder, let group = job.group else { return true }
        return taken.count { $0.group == group && $0.place < job.place } == job.earlier
    }
}

extension LeasedJob {
    fileprivate init?(_ row: Row, _ kind: JobKind, _ keyring: Keyring) throws(StoreError) {
        guard let id = JobID(try row.get(0)) else { return nil }
        self.init(
            id: id, kind: kind, uniqueKey: try row.get(1), group: try row.get(2),
            payload: try? keyring.open(try row.get(7), at: Keyring.place(.job, id.text)), attempt: try row.get(3),
            deliveries: try row.get(4), backoff: .milliseconds(try row.get(5, as: Int.self)),
            createdAt: Timestamp(milliseconds: Int64(try row.get(6, as: Int.self))))
    }
}
