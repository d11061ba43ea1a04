import Core

/// The rows of a queue in memory.
struct QueueState: Sendable {
    struct Row: Sendable {
        let job: NewJob
        /// Counts up; rows that are due at once go by it.
        let place: Int
        let createdAt: Timestamp
        /// What it waits for, and from when; `nil` when it is due at once.
        var wait: (since: Timestamp, until: Timestamp)?
        var lease: (token: LeaseToken, worker: WorkerID, end: Duration, bootID: String, takenAt: Timestamp)?
        var attempt = 0
        var deliveries = 0
        var backoff = Duration.zero
        var failures: [JobFailure] = []
        var diedAt: Timestamp?

        /// Whether its time has come, or lies further ahead than its wait: then the clock was set back.
        func isDue(at now: Timestamp) -> Bool { wait.map { $0.until <= now || now < $0.since } ?? true }
    }

    var rows: [JobID: Row] = [:]
    var dead: [JobID: Row] = [:]
    var audit: [QueueAuditEntry] = []
    var alive: Set<WorkerID> = []
    private var places = 0

    mutating func insert(_ job: NewJob, at now: Timestamp) -> Bool {
        guard rows[job.id] == nil, dead[job.id] == nil,
            !rows.values.contains(where: { $0.job.uniqueKey == job.uniqueKey })
        else { return false }
        places += 1
        rows[job.id] = Row(
            job: job, place: places, createdAt: now,
            wait: job.delay > .zero ? (now, now + job.delay) : nil)
        return true
    }

    mutating func lease(_ request: LeaseRequest, _ clock: QueueClock) -> Lease? {
        let now = clock.wall()
        let due = rows.values.filter { $0.job.kind == request.kind && $0.lease == nil && $0.isDue(at: now) }
            .sorted { $0.order < $1.order }
        let taken = selection(from: due, limit: request.limit)
        guard !taken.isEmpty else { return nil }
        let token = LeaseToken()
        return Lease(
            token: token,
            jobs: taken.map { row in
                var row = row
                row.wait = nil
                row.lease = (token, request.worker, clock.sinceBoot() + request.duration, clock.bootID, now)
                row.deliveries += 1
                rows[row.job.id] = row
                return LeasedJob(
                    id: row.job.id, kind: row.job.kind, uniqueKey: row.job.uniqueKey, group: row.job.group,
                    payload: row.job.payload, attempt: row.attempt, deliveries: row.deliveries, backoff: row.backoff,
                    createdAt: row.createdAt)
            })
    }

    /// What of the due jobs, in their order, one lease takes.
    private func selection(from due: [Row], limit: Int) -> [Row] {
        var taken: [Row] = []
        for row in due where taken.count < limit && isNext(row, after: taken) {
            // One that a worker died over comes alone.
            if row.deliveries > 0 { return taken.isEmpty ? [row] : taken }
            taken.append(row)
        }
        return taken
    }

    /// Whether all that came before a job in its group is among the taken.
    private func isNext(_ row: Row, after taken: [Row]) -> Bool {
        guard row.job.kind.keepsOrder, let group = row.job.group else { return true }
        let earlier = rows.values.filter {
            $0.job.group == group && $0.job.kind == row.job.kind && $0.place < row.place
        }
        return earlier.allSatisfy { other in taken.contains { $0.place == other.place } }
    }

    mutating func extend(_ tokens: [LeaseToken], until end: Duration) -> Set<LeaseToken> {
        var held: Set<LeaseToken> = []
        for (id, row) in rows {
            guard let lease = row.lease, tokens.contains(lease.token) else { continue }
            rows[id]?.lease?.end = end
            held.insert(lease.token)
        }
        return held
    }

    mutating func settle(_ settlement: Settlement, at now: Timestamp) -> Bool {
        guard var row = rows[settlement.job], row.lease?.token == settlement.token else { return false }
        row.lease = nil
        switch settlement.verdict {
        case .finish: rows[row.job.id] = nil
        case .giveBack:
            row.deliveries -= 1
            rows[row.job.id] = row
        case .retry(let wait, let reason):
            row.attempt += 1
            row.deliveries = 0
            row.backoff = wait
            row.wait = (now, now + wait)
            row.failures.append(JobFailure(at: now, reason: reason))
            rows[row.job.id] = row
        case .bury(let reason):
            row.attempt += 1
            bury(row, reason, at: now)
        }
        return true
    }

    private mutating func bury(_ row: Row, _ reason: FailureReason, at now: Timestamp) {
        var row = row
        row.lease = nil
        row.diedAt = now
        row.failures.append(JobFailure(at: now, reason: reason))
        rows[row.job.id] = nil
        dead[row.job.id] = row
    }

    mutating func reclaim(_ clock: QueueClock) -> Reclaimed {
        var found = Reclaimed()
        for (id, row) in rows {
            guard let lease = row.lease,
                !alive.contains(lease.worker) || lease.end <= clock.sinceBoot() || lease.bootID != clock.bootID
            else { continue }
            if row.deliveries >= JobRules.crashLoopDeliveries {
                bury(row, .crashLoop, at: clock.wall())
                found.buried += 1
            } else {
                rows[id]?.lease = nil
                found.returned += 1
            }
        }
        return found
    }

    /// - Returns: `nil` when there is no such dead letter.
    mutating func replay(_ id: JobID) -> Bool? {
        guard let row = dead[id] else { return nil }
        guard !rows.values.contains(where: { $0.job.uniqueKey == row.job.uniqueKey }) else { return false }
        dead[id] = nil
        places += 1
        var fresh = Row(job: row.job, place: places, createdAt: row.createdAt)
        fresh.failures = row.failures
        rows[id] = fresh
        return true
    }

    mutating func note(_ action: QueueAuditEntry.Action, _ row: Row, by actor: String, at now: Timestamp) {
        audit.append(QueueAuditEntry(at: now, actor: actor, action: action, job: row.job.id, kind: row.job.kind))
    }

    // MARK: Reading

    var records: [JobRecord] { rows.values.map(\.record) + dead.values.map(\.record) }

    func record(_ id: JobID) -> JobRecord? { (rows[id] ?? dead[id])?.record }

    func statistics(at now: Timestamp) -> [KindStatistics] {
        let kinds = Dictionary(grouping: Array(rows.values) + Array(dead.values), by: \.job.kind)
        return kinds.sorted { $0.key.rawValue < $1.key.rawValue }.map { kind, rows in
            let ready = rows.filter { $0.lease == nil && $0.diedAt == nil }
            return KindStatistics(
                kind, due: ready.count { $0.isDue(at: now) }, delayed: ready.count { !$0.isDue(at: now) },
                leased: rows.count { $0.lease != nil }, dead: rows.count { $0.diedAt != nil },
                oldest: rows.filter { $0.diedAt == nil }.map(\.createdAt).min(),
                oldestLease: rows.compactMap { $0.lease?.takenAt }.min())
        }
    }
}

extension QueueState.Row {
    /// By priority; what waited for its time before what did not; then the time, or the order of enqueueing.
    fileprivate var order: (Int, Int, Int64, Int) {
        (job.priority.rawValue, wait == nil ? 1 : 0, wait?.until.milliseconds ?? 0, place)
    }

    fileprivate var record: JobRecord {
        JobRecord(
            id: job.id, kind: job.kind, state: diedAt != nil ? .dead : lease != nil ? .leased : .ready,
            uniqueKey: job.uniqueKey, group: job.group, priority: job.priority, attempt: attempt,
            deliveries: deliveries, payloadBytes: job.payload.count, createdAt: createdAt,
            dueAt: diedAt == nil && lease == nil ? wait?.until : nil, worker: lease?.worker, diedAt: diedAt,
            failures: failures)
    }
}
