import Core
import Encryption
public import Persistence
import SQLite

/// Leasing, settling, reclaiming.
extension SQLiteQueue {
    public func lease(_ request: LeaseRequest) async throws(StoreError) -> Lease? {
        // An idle worker takes no write lock.
        let now = clock.wall().milliseconds
        let isAnyDue = try await read { transaction in
            try transaction.exists(QueueStatements.anyDue, request.kind.rawValue, now)
        }
        guard isAnyDue else { return nil }
        let token = LeaseToken()
        let until = (clock.sinceBoot() + request.duration).milliseconds
        let bootID = clock.bootID
        let rows = try await write { transaction in
            let places = try Self.places(request, at: now, in: transaction)
            guard !places.isEmpty else { return [LeasedRow]() }
            try transaction.run(
                QueueStatements.openLease, token.text, request.worker.text, bootID, until, now)
            return try places.compactMap { place in
                try transaction.row(QueueStatements.taking, token.text, place) { row in try LeasedRow(row) }
            }
        }
        guard !rows.isEmpty else { return nil }
        FaultPoint.reach("queue_after_lease")
        return Lease(token: token, jobs: rows.compactMap { $0.job(of: request.kind, with: keyring) })
    }

    /// What is to be leased, in order.
    private static func places(
        _ request: LeaseRequest, at now: Int64, in transaction: borrowing Transaction
    ) throws -> [Int64] {
        var selection = Selection(request)
        for priority in JobPriority.allCases where selection.isOpen {
            try transaction.forEach(
                QueueStatements.waited, request.kind.rawValue, priority.rawValue, now
            ) { row in try selection.consider(row, in: transaction) }
            guard selection.isOpen else { break }
            try transaction.forEach(QueueStatements.atOnce, request.kind.rawValue, priority.rawValue) { row in
                try selection.consider(row, in: transaction)
            }
        }
        return selection.places
    }

    public func extend(_ tokens: [LeaseToken], by duration: Duration) async throws(StoreError) -> Set<LeaseToken> {
        guard !tokens.isEmpty else { return [] }
        let until = (clock.sinceBoot() + duration).milliseconds
        return try await write { transaction in
            var held: Set<LeaseToken> = []
            for token in tokens
            where try transaction.run(QueueStatements.extend, until, token.text) > 0 {
                held.insert(token)
            }
            return held
        }
    }

    @discardableResult
    public func settle(_ settlements: [Settlement]) async throws(StoreError) -> Set<JobID> {
        guard !settlements.isEmpty else { return [] }
        let now = clock.wall()
        let settled = try await write { transaction in
            var settled: Set<JobID> = []
            for settlement in settlements where try Self.settle(settlement, at: now, in: transaction) {
                settled.insert(settlement.job)
            }
            for token in Set(settlements.map(\.token)) {
                try transaction.run(QueueStatements.emptyLease, token.text, token.text)
            }
            return settled
        }
        FaultPoint.reach("queue_after_settle")
        return settled
    }

    private static func settle(
        _ settlement: Settlement, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(SQLiteError) -> Bool {
        let (id, token) = (settlement.job.text, settlement.token.text)
        switch settlement.verdict {
        case .finish: return try transaction.run(QueueStatements.finish, id, token) > 0
        case .giveBack: return try transaction.run(QueueStatements.giveBack, id, token) > 0
        case .retry(let wait, let reason):
            return try transaction.run(
                QueueStatements.retry, wait.milliseconds, max(1, now.milliseconds + wait.milliseconds),
                now.milliseconds, Failures.line(reason, at: now), id, token) > 0
        case .bury(let reason):
            let line = Failures.line(reason, at: now)
            guard try transaction.run(QueueStatements.bury, line, now.milliseconds, id, token) > 0 else { return false }
            return try transaction.run(QueueStatements.finish, id, token) > 0
        }
    }

    public func reclaim() async throws(StoreError) -> Reclaimed {
        try await freeWhatClockHolds()
        let leases = try await read { transaction in
            try transaction.rows(QueueStatements.leases) { row in
                (try row.text(0), try row.text(1), try row.text(2), try row.int64(3))
            }
        }
        let (now, bootID) = (clock.sinceBoot().milliseconds, clock.bootID)
        let gone = Set(leases.map(\.1)).filter { worker in WorkerID(worker).map { !locks.isAlive($0) } ?? true }
        let ended = leases.filter { gone.contains($0.1) || $0.2 != bootID || $0.3 <= now }
        guard !ended.isEmpty else { return Reclaimed() }
        let died = clock.wall()
        return try await write { transaction in
            var found = Reclaimed()
            for (token, worker, boot, until) in ended {
                // Extended or settled meanwhile: not ended.
                let isAsRead = try transaction.exists(QueueStatements.leaseUntil, token, until)
                guard isAsRead || gone.contains(worker) || boot != bootID else { continue }
                found.buried += try Self.buryCrashLoops(of: token, at: died, in: transaction)
                found.returned += try transaction.run(QueueStatements.free, token)
                try transaction.run(QueueStatements.closeLease, token)
            }
            return found
        }
    }

    private static func buryCrashLoops(
        of token: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(SQLiteError) -> Int {
        let limit = JobRules.crashLoopDeliveries
        let buried = try transaction.run(
            QueueStatements.buryCrashLoops, Failures.line(.crashLoop, at: now), now.milliseconds, token, limit)
        return buried > 0 ? try transaction.run(QueueStatements.removeCrashLoops, token, limit) : 0
    }

    /// Makes due what waits since a moment that is still to come: the wall clock was set back.
    private func freeWhatClockHolds() async throws(StoreError) {
        let now = clock.wall().milliseconds
        // Clocks are corrected by a little all the time.
        let limit = now + 5000
        let isAnyHeld = try await read { transaction in try transaction.exists(QueueStatements.heldByClock, limit) }
        guard isAnyHeld else { return }
        try await write { transaction in
            try transaction.run(QueueStatements.freeWhatClockHolds, now, now, limit)
            return
        }
    }
}

/// The jobs of one lease, as they are found.
private struct Selection {
    private let kind: JobKind
    private let limit: Int
    private(set) var places: [Int64] = []
    /// Whether more may come.
    private(set) var isOpen = true
    /// Rows that were left out: a user with very many jobs, of which the first waits, must not hold up the writer.
    private var skipped = 0
    /// Of groups, the last place that was taken.
    private var lastOfGroup: [String: Int64] = [:]

    private static let maxSkipped = 20_000

    init(_ request: LeaseRequest) {
        kind = request.kind
        limit = request.limit
    }

    /// Takes the job of a row, or leaves it out.
    ///
    /// - Returns: whether to go on.
    mutating func consider(_ row: borrowing Row, in transaction: borrowing Transaction) throws -> Bool {
        let place = try row.int64(0)
        let group = kind.keepsOrder ? try row.optionalText(2) : nil
        if let group {
            let isHeldUp = try transaction.exists(
                QueueStatements.isHeldUp, group, kind.rawValue, lastOfGroup[group] ?? 0, place)
            guard !isHeldUp else {
                skipped += 1
                isOpen = skipped < Self.maxSkipped
                return isOpen
            }
        }
        // One that a worker died over comes alone, so that it cannot drag others along.
        let isSuspect = try row.int(1) > 0
        if isSuspect, !places.isEmpty {
            isOpen = false
            return false
        }
        places.append(place)
        if let group { lastOfGroup[group] = place }
        isOpen = !isSuspect && places.count < limit
        return isOpen
    }
}

/// What a lease reads of a job; opened when the transaction is over.
private struct LeasedRow: Sendable {
    let id: String
    let uniqueKey: String?
    let group: String?
    let attempt: Int
    let deliveries: Int
    let backoff: Int
    let createdAt: Int64
    let payload: [UInt8]

    init(_ row: borrowing Row) throws {
        id = try row.text(0)
        uniqueKey = try row.optionalText(1)
        group = try row.optionalText(2)
        attempt = try row.int(3)
        deliveries = try row.int(4)
        backoff = try row.int(5)
        createdAt = try row.int64(6)
        payload = try row.blob(7)
    }

    func job(of kind: JobKind, with keyring: Keyring) -> LeasedJob? {
        guard let id = JobID(id) else { return nil }
        return LeasedJob(
            id: id, kind: kind, uniqueKey: uniqueKey ?? id.text, group: group,
            payload: try? keyring.open(payload, at: .payload(of: id)), attempt: attempt, deliveries: deliveries,
            backoff: .milliseconds(backoff), createdAt: Timestamp(milliseconds: createdAt))
    }
}

/// The failures of a job, one a line: the time in milliseconds, a space, the reason.
enum Failures {
    static func line(_ reason: FailureReason, at now: Timestamp) -> String { "\(now.milliseconds) \(reason)\n" }

    static func read(_ lines: String) -> [JobFailure] {
        lines.split(separator: "\n").compactMap { line in
            guard let space = line.firstIndex(of: " "), let time = Int64(line[..<space]) else { return nil }
            let reason = FailureReason(String(line[line.index(after: space)...]))
            return JobFailure(at: Timestamp(milliseconds: time), reason: reason)
        }
    }
}
