import Core
import Persistence
import Telemetry

/// The way of the jobs of one kind: take some, work on them, settle them.
extension Worker {
    func work(_ handler: any JobHandler) async {
        while !isStopping {
            guard let worker = await identity() else {
                await pause(for: settings.poll)
                continue
            }
            switch breaker.permission(at: time.now) {
            case .wait(let until): await pause(for: until - time.now)
            case .waitForProbe: await pause(for: settings.poll)
            case .probe: await take(1, for: handler, as: worker)
            case .batch(let limit): await take(min(limit, settings.batch(of: handler.kind)), for: handler, as: worker)
            }
        }
        laneEnded()
    }

    private func take(_ limit: Int, for handler: any JobHandler, as worker: WorkerID) async {
        let start = time.now
        do {
            let request = LeaseRequest(handler.kind, limit: limit, worker: worker, duration: settings.lease)
            let lease = try await queue.lease(request)
            if isQueueFailing { noteSuccess() }
            guard let lease else {
                breaker.probeWasIdle(at: time.now)
                if !isStopping { await pause(for: settings.poll) }
                return
            }
            FaultPoint.reach("worker_after_lease")
            counts.addLease()
            book.take(lease, for: settings.lease, from: start)
            // A task of its own, to be cancelled when the lease is lost.
            let batch = Task { await self.work(on: lease, handler) }
            batches[lease.token] = batch
            await batch.value
            batches[lease.token] = nil
        } catch {
            noteOutage(error, ofQueue: true)
        }
    }

    private func work(on lease: Lease, _ handler: any JobHandler) async {
        let concurrency = settings.concurrency(of: handler.kind)
        var chains = Chains(lease.jobs) { handler.chain(of: $0) }
        var settlements: [Settlement] = []
        var hadOutage = false
        counts.add(lease.jobs.count, to: \.running, of: handler.kind)
        await withTaskGroup(of: (LeasedJob, Result<JobEffect, JobError>).self) { group in
            while true {
                while chains.running < concurrency, mayBegin(lease.token), let job = chains.begin() {
                    group.addTask { (job, await Self.result(of: job, handler)) }
                }
                guard let (job, result) = await group.next() else { break }
                chains.end(job, isDone: (try? result.get()) != nil)
                if case .failure(.outage) = result { hadOutage = true }
                settlements.append(Settlement(job.id, lease.token, verdict(on: job, result)))
                if settlements.count >= Self.settledAtOnce {
                    await settle(settlements, lease.token, handler.kind)
                    settlements = []
                }
            }
        }
        settlements += chains.waiting.map { Settlement($0.id, lease.token, .giveBack) }
        await settle(settlements, lease.token, handler.kind)
        counts.add(-lease.jobs.count, to: \.running, of: handler.kind)
        if !hadOutage { breaker.completeBatch() }
        await scheduleNext(after: lease.jobs)
    }

    /// A whole batch, so that settling costs one commit; those of a larger one are not left unsettled for long.
    private static let settledAtOnce = 500

    /// Whether a job of a lease may still be begun; what is not begun is given back.
    private func mayBegin(_ token: LeaseToken) -> Bool {
        guard !isStopping, !Task.isCancelled, book.holds(token) else { return false }
        guard case .open = breaker.state else { return true }
        return false
    }

    private static func result(of job: LeasedJob, _ handler: any JobHandler) async -> Result<JobEffect, JobError> {
        do throws(JobError) {
            return .success(try await handler.work(on: job))
        } catch {
            return .failure(error)
        }
    }

    private func verdict(on job: LeasedJob, _ result: Result<JobEffect, JobError>) -> Settlement.Verdict {
        switch result {
        case .success(let effect):
            noteSuccess()
            if effect == .alreadyDone { counts.add(to: \.suppressed, of: job.kind) }
            return .finish
        case .failure(.interrupted):
            return .giveBack
        case .failure(.outage(let error)):
            noteOutage(error, ofQueue: false)
            return .giveBack
        case .failure(.failed(let reason, let canHeal)):
            // The target answered, if only to refuse.
            noteSuccess()
            let verdict = settings.retry.verdict(on: job, because: reason, canHeal: canHeal, using: &random)
            note(verdict, on: job, reason)
            return verdict
        }
    }

    private func note(_ verdict: Settlement.Verdict, on job: LeasedJob, _ reason: FailureReason) {
        if case .bury = verdict {
            log.error(
                "job_buried",
                [.id("job", job.id), .text("kind", job.kind.rawValue), .text("reason", reason.description)])
        } else {
            log.warning(
                "job_failed",
                [
                    .id("job", job.id), .text("kind", job.kind.rawValue), .count("attempt", job.attempt + 1),
                    .text("reason", reason.description),
                ])
        }
    }

    /// Settles, and goes on trying while the queue is down and the lease holds: the effects are stored by now.
    private func settle(_ settlements: [Settlement], _ token: LeaseToken, _ kind: JobKind) async {
        guard !settlements.isEmpty else { return }
        FaultPoint.reach("worker_effect_before_settle")
        while book.holds(token) {
            FaultPoint.reach("worker_after_effect_before_settle")
            do {
                let settled = try await queue.settle(settlements)
                FaultPoint.reach("worker_after_settle")
                count(settlements, settled, kind)
                book.settle(settlements)
                return
            } catch {
                noteOutage(error, ofQueue: true)
                await pause(for: settings.poll)
            }
        }
        // Lost, or given back by the stop: the queue refuses what comes too late.
        count(settlements, [], kind)
    }

    private func count(_ settlements: [Settlement], _ settled: Set<JobID>, _ kind: JobKind) {
        for settlement in settlements {
            guard settled.contains(settlement.job) else {
                counts.add(to: \.lost, of: kind)
                continue
            }
            switch settlement.verdict {
            case .finish: counts.add(to: \.finished, of: kind)
            case .retry: counts.add(to: \.retried, of: kind)
            case .bury: counts.add(to: \.buried, of: kind)
            case .giveBack: counts.add(to: \.givenBack, of: kind)
            }
        }
    }

    /// Enqueues the next of what comes again and again; when that fails, looking around makes up for it.
    private func scheduleNext(after jobs: [LeasedJob]) async {
        let next = settings.schedule.filter { periodic in jobs.contains { periodic.isAsked(by: $0) } }.map(\.next)
        if !next.isEmpty { _ = try? await queue.enqueue(next) }
    }
}

/// The jobs of a batch, those of one chain one after the other: what was said first is stored first.
private struct Chains {
    /// In their order, with places for those that are done.
    private let jobs: [LeasedJob]
    private var names: [JobID: String] = [:]
    /// Of each chain that is being worked on, what waits behind.
    private var behind: [String: [Int]] = [:]
    /// Places of jobs that may begin, the next one last.
    private var ready: [Int] = []
    private(set) var running = 0

    init(_ jobs: [LeasedJob], by name: (LeasedJob) -> String?) {
        self.jobs = jobs
        for (place, job) in jobs.enumerated() {
            let name = name(job)
            names[job.id] = name
            if let name, behind[name]?.append(place) != nil { continue }
            if let name { behind[name] = [] }
            ready.append(place)
        }
        ready.reverse()
        for name in behind.keys { behind[name]?.reverse() }
    }

    /// Jobs that were not begun.
    var waiting: [LeasedJob] { (ready + behind.values.joined()).map { jobs[$0] } }

    mutating func begin() -> LeasedJob? {
        guard let place = ready.popLast() else { return nil }
        running += 1
        return jobs[place]
    }

    /// Lets the next of a chain begin; not if its order counts and this one was not done.
    mutating func end(_ job: LeasedJob, isDone: Bool) {
        running -= 1
        guard let name = names[job.id], isDone || !job.kind.keepsOrder else { return }
        if let next = behind[name]?.popLast() { ready.append(next) }
    }
}
