import Dispatch
import Synchronization

/// A thread with at most one connection, which does one job after the other.
final class Worker: Sendable {
    private let core: PoolCore
    private let bell = DispatchSemaphore(value: 0)
    /// What was given while it rested: a job, or nothing, which is to end.
    private let gift = Mutex<Job??>(nil)

    init(_ core: PoolCore) { self.core = core }

    func start(with job: Job) {
        let isStarted = Thread.start { self.run(job) }
        guard !isStarted else { return }
        core.leave()
        job.refuse(PostgreSQLError(.outage, "The system gives no more threads"))
    }

    /// Rings for a worker that rests.
    func give(_ job: Job?) {
        gift.withLock { $0 = .some(job) }
        bell.signal()
    }

    /// The connection, and since when.
    private struct Line {
        var connection: Connection
        var made = ContinuousClock.now
    }

    private func run(_ first: Job) {
        var line: Line?
        var job: Job? = first
        var lastWork = ContinuousClock.now
        while true {
            if let work = job {
                guard perform(work, on: &line) else { return }
                lastWork = .now
            }
            let (next, isClosed) = core.next(for: self)
            job = next
            if job != nil { continue }
            guard !isClosed else { break }
            switch rest() {
            case .job(let given): job = given
            case .end:
                drop(&line)
                core.leave()
                return
            case .nothing:
                check(&line)
                if ContinuousClock.now - lastWork > core.limits.restLimit, core.spare() {
                    drop(&line)
                    return
                }
            }
        }
        drop(&line)
        core.leave()
    }

    private enum Awakening {
        case job(Job)
        case end
        /// Time passed.
        case nothing
    }

    private func rest() -> Awakening {
        let milliseconds = Int(core.limits.checkInterval.milliseconds)
        if bell.wait(timeout: .now() + .milliseconds(milliseconds)) == .timedOut {
            if core.wake(self) { return .nothing }
            // Given something in this very moment.
            bell.wait()
        }
        let given = gift.withLock { gift in
            defer { gift = nil }
            return gift
        }
        guard case .some(.some(let job)) = given else { return .end }
        return .job(job)
    }

    /// - Returns: whether the worker goes on.
    private func perform(_ job: Job, on line: inout Line?) -> Bool {
        guard !job.deadline.hasPassed else {
            core.countTimeout()
            job.refuse(PostgreSQLError(.timeout, "No connection was free in time"))
            return true
        }
        // Closed by the server while it rested, which the job need not suffer for.
        if let open = line?.connection, !open.isStillOpen { drop(&line) }
        if line == nil {
            do {
                line = try connect(until: job.deadline)
            } catch {
                return core.didFailToConnect(error, for: job)
            }
        }
        guard let current = line else { return true }
        let tell = job.perform(Session(current.connection, until: job.deadline))
        if job.deadline.hasPassed, !current.connection.isFit { core.countTimeout() }
        if !current.connection.isFit || ContinuousClock.now - current.made > core.limits.lifetime { drop(&line) }
        tell()
        return true
    }

    private func connect(until deadline: Deadline) throws(PostgreSQLError) -> Line {
        let deadline = deadline.orSooner(core.limits.connectTimeout)
        let connection = try Connection(to: core.address, cancels: core.cancels, until: deadline)
        try core.prepare?(Session(connection, until: deadline))
        core.didConnect()
        return Line(connection: connection)
    }

    private func check(_ line: inout Line?) {
        guard let connection = line?.connection else { return }
        let deadline = Deadline(after: core.limits.connectTimeout)
        if connection.isStillOpen, (try? connection.exchange([Statement("SELECT 1")], until: deadline)) != nil {
            return
        }
        drop(&line)
    }

    private func drop(_ line: inout Line?) {
        guard line != nil else { return }
        line = nil
        core.didDisconnect()
    }
}
