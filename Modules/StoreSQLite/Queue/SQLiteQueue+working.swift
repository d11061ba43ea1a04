import Core
import Encryption
public import Persistence
import SQLite

/// Leasing, settling, reclaiming.
extension SQLiteQueue {
    public func lease(_ request: LeaseRequest) async throws(StoreError) -> Lease? {
        // An idle worker takes no write lock.
        let now = clock.wall().milliseconds
        guard try await read({ try $0.exists(Self.anyDue, request.kind.rawValue, now) }) else { return nil }
        let token = LeaseToken()
        let until = (clock.sinceBoot() + request.duration).milliseconds
        let bootID = clock.bootID
        let rows = try await write { transaction in
            let places = try Self.places(request, at: now, in: transaction)
            guard !places.isEmpty else { return [LeasedRow]() }
            try transaction.run(
                "INSERT INTO job_lease(token, worker, boot, until, taken_at) VALUES (?, ?, ?, ?, ?)", token.text,
                request.worker.text, bootID, until, now)
            return try places.compactMap { place in
                try transaction.row(Self.taking, token.text, place) { row in try LeasedRow(row) }
            }
        }
        guard !rows.isEmpty else { return nil }
        return Lease(token: token, jobs: rows.compactMap { $0.job(of: request.kind, with: keyring) })
    }

    private static let anyDue: SQL = """
        SELECT 1 FROM job INDEXED BY job_due
        WHERE lease IS NULL AND kind = ? AND priority IN (0, 1, 2) AND run_at <= ? LIMIT 1
        """
    /// Those that waited for their time, then those that did not have to.
    private static let waited: SQL = """
        SELECT place, deliveries FROM job INDEXED BY job_due
        WHERE lease IS NULL AND kind = ? AND priority = ? AND run_at > 0 AND run_at <= ? ORDER BY run_at, place LIMIT ?
        """
    private static let atOnce: SQL = """
        SELECT place, deliveries FROM job INDEXED BY job_due
        WHERE lease IS NULL AND kind = ? AND priority = ? AND run_at = 0 ORDER BY place LIMIT ?
        """
    private static let taking: SQL = """
        UPDATE job SET lease = ?, deliveries = deliveries + 1, run_at = 0 WHERE place = ?
        RETURNING id, unique_key, group_key, attempt, deliveries, backoff_ms, created_at, payload
        """

    /// What is to be leased, in order: one that a worker died over by itself, or others up to such a one.
    private static func places(
        _ request: LeaseRequest, at now: Int64, in transaction: borrowing Transaction
    ) throws -> [Int64] {
        var places: [Int64] = []
        var isEnough = false

        func take(_ row: borrowing Row) throws {
            guard !isEnough else { return }
            if try row.int(1) > 0 {
                isEnough = true
                if !places.isEmpty { return }
            }
            places.append(try row.int64(0))
        }

        for priority in JobPriority.allCases where !isEnough && places.count < request.limit {
            try transaction.forEach(
                waited, request.kind.rawValue, priority.rawValue, now, request.limit - places.count
            ) { row in
                try take(row)
                return !isEnough
            }
            guard !isEnough, places.count < request.limit else { break }
            try transaction.forEach(atOnce, request.kind.rawValue, priority.rawValue, request.limit - places.count) {
                row in
                try take(row)
                return !isEnough
            }
        }
        return places
    }

    public func extend(_ tokens: [LeaseToken], by duration: Duration) async throws(StoreError) -> Set<LeaseToken> {
        guard !tokens.isEmpty else { return [] }
        let until = (clock.sinceBoot() + duration).milliseconds
        return try await write { transaction in
            var held: Set<LeaseToken> = []
            for token in tokens
            where try transaction.run("UPDATE job_lease SET until = ? WHERE token = ?", until, token.text) > 0 {
                held.insert(token)
            }
            return held
        }
    }

    @discardableResult
    public func settle(_ settlements: [Settlement]) async throws(StoreError) -> Set<JobID> {
        guard !settlements.isEmpty else { return [] }
        let now = clock.wall()
        return try await write { transaction in
            var settled: Set<JobID> = []
            for settlement in settlements where try Self.settle(settlement, at: now, in: transaction) {
                settled.insert(settlement.job)
            }
            for token in Set(settlements.map(\.token)) { try transaction.run(Self.emptyLease, token.text, token.text) }
            return settled
        }
    }

    private static let emptyLease: SQL = """
        DELETE FROM job_lease WHERE token = ?
        AND NOT EXISTS (SELECT 1 FROM job INDEXED BY job_leased WHERE lease = ? AND lease IS NOT NULL)
        """

    private static func settle(
        _ settlement: Settlement, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(SQLiteError) -> Bool {
        let (id, token) = (settlement.job.text, settlement.token.text)
        switch settlement.verdict {
        case .finish: return try transaction.run("DELETE FROM job WHERE id = ? AND lease = ?", id, token) > 0
        case .giveBack:
            return try transaction.run(
                "UPDATE job SET lease = NULL, deliveries = deliveries - 1 WHERE id = ? AND lease = ?", id, token) > 0
        case .retry(let wait, let reason):
            return try transaction.run(
                """
                UPDATE job SET lease = NULL, attempt = attempt + 1, deliveries = 0, backoff_ms = ?, run_at = ?,
                    waits_since = ?, failures = failures || ? WHERE id = ? AND lease = ?
                """, wait.milliseconds, max(1, now.milliseconds + wait.milliseconds), now.milliseconds,
                Failures.line(reason, at: now), id, token) > 0
        case .bury(let reason):
            guard
                try transaction.run(
                    """
                    INSERT INTO job_dead(id, kind, unique_key, group_key, priority, attempt, deliveries, failures,
                        created_at, died_at, key, payload)
                    SELECT id, kind, unique_key, group_key, priority, attempt + 1, deliveries, failures || ?,
                        created_at, ?, key, payload FROM job WHERE id = ? AND lease = ?
                    """, Failures.line(reason, at: now), now.milliseconds, id, token) > 0
            else { return false }
            return try transaction.run("DELETE FROM job WHERE id = ?", id) > 0
        }
    }

    public func reclaim() async throws(StoreError) -> Reclaimed {
        try await freeWhatClockHolds()
        let leases = try await read { transaction in
            try transaction.rows("SELECT token, worker, boot, until FROM job_lease") { row in
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
                let isAsRead = try transaction.exists(
                    "SELECT 1 FROM job_lease WHERE token = ? AND until = ?", token, until)
                guard isAsRead || gone.contains(worker) || boot != bootID else { continue }
                found.buried += try Self.buryCrashLoops(of: token, at: died, in: transaction)
                found.returned += try transaction.run(
                    "UPDATE job INDEXED BY job_leased SET lease = NULL WHERE lease = ? AND lease IS NOT NULL", token)
                try transaction.run("DELETE FROM job_lease WHERE token = ?", token)
            }
            return found
        }
    }

    private static func buryCrashLoops(
        of token: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(SQLiteError) -> Int {
        let limit = JobRules.crashLoopDeliveries
        let buried = try transaction.run(
            """
            INSERT INTO job_dead(id, kind, unique_key, group_key, priority, attempt, deliveries, failures, created_at,
                died_at, key, payload)
            SELECT id, kind, unique_key, group_key, priority, attempt, deliveries, failures || ?, created_at, ?, key,
                payload FROM job INDEXED BY job_leased WHERE lease = ? AND lease IS NOT NULL AND deliveries >= ?
            """, Failures.line(.crashLoop, at: now), now.milliseconds, token, limit)
        guard buried > 0 else { return 0 }
        return try transaction.run(
            "DELETE FROM job INDEXED BY job_leased WHERE lease = ? AND lease IS NOT NULL AND deliveries >= ?", token,
            limit)
    }

    /// Makes due what waits since a moment that is still to come: the wall clock was set back.
    private func freeWhatClockHolds() async throws(StoreError) {
        let now = clock.wall().milliseconds
        // Clocks are corrected by a little all the time.
        let limit = now + 5000
        guard try await read({ try $0.exists(Self.heldByClock, limit) }) else { return }
        try await write { transaction in
            try transaction.run(
                """
                UPDATE job INDEXED BY job_waiting SET run_at = ?, waits_since = ?
                WHERE lease IS NULL AND run_at > 0 AND waits_since > ?
                """, now, now, limit)
            return
        }
    }

    private static let heldByClock: SQL = """
        SELECT 1 FROM job INDEXED BY job_waiting WHERE lease IS NULL AND run_at > 0 AND waits_since > ? LIMIT 1
        """
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
