import Dispatch
import Synchronization

/// Connections to one server, shared by all who ask; each has a thread of its own, which waits in its callers' stead.
///
/// A call is over by its time-out, whatever the server does: one that accepts and never answers is as good as none. Once
/// it cannot be reached, calls are refused at once, until a probe gets through. A connection whose state is in doubt, after
/// a time-out, a break or a transaction left open, is thrown away. Letting go of the pool closes it.
public final class Pool: Sendable {
    /// How many, and how long.
    public struct Limits: Sendable, Hashable {
        /// At most; they are made when they are needed.
        public var connections: Int
        /// Calls that wait for a connection; more are refused.
        public var waiting: Int
        /// For connecting, which is part of a call's time.
        public var connectTimeout: Duration
        /// For a call from its beginning to its end.
        public var timeout: Duration
        /// A resting connection is tried this often, so that a dead one is found by us and not by a call.
        public var checkInterval: Duration
        /// A connection that has rested this long is closed, but for the last.
        public var restLimit: Duration
        /// A connection this old is closed after its call, so that a server that moved is found.
        public var lifetime: Duration

        public init(
            connections: Int = 8, waiting: Int = 1024, connectTimeout: Duration = .seconds(2),
            timeout: Duration = .seconds(2), checkInterval: Duration = .seconds(15), restLimit: Duration = .seconds(60),
            lifetime: Duration = .seconds(1800)
        ) {
            self.connections = max(1, connections)
            self.waiting = waiting
            self.connectTimeout = connectTimeout
            self.timeout = timeout
            self.checkInterval = checkInterval
            self.restLimit = restLimit
            self.lifetime = lifetime
        }
    }

    /// What a pool has come to.
    public struct Statistics: Sendable, Hashable {
        /// Open connections.
        public var connections = 0
        /// Calls that wait for one.
        public var waiting = 0
        /// Whether calls are refused because the server cannot be reached.
        public var isDown = false
        /// Connections made since the start.
        public var connects = 0
        /// Connections that could not be made.
        public var failures = 0
        /// Calls that were not answered in time, waiting for a connection or for the server.
        public var timeouts = 0
    }

    public let limits: Limits
    public let address: ServerAddress
    private let core: PoolCore

    /// Makes a pool; connects to nothing yet.
    ///
    /// - Parameters:
    ///   - address: where the server is.
    ///   - limits: how many connections, and how long calls wait.
    ///   - prepare: done with each new connection before it is used; when it fails, so has connecting.
    public init(
        _ address: ServerAddress, _ limits: Limits = Limits(),
        prepare: (@Sendable (Session) throws(PostgreSQLError) -> Void)? = nil
    ) {
        self.address = address
        self.limits = limits
        core = PoolCore(address, limits, prepare)
    }

    deinit { close() }

    /// Does something with a connection, and waits for it without holding up a thread of the caller's.
    ///
    /// What has begun runs to its end even when the caller's task is cancelled, which the time-out bounds.
    ///
    /// - Parameters:
    ///   - timeout: ``Limits/timeout`` unless given.
    ///   - work: runs on the connection's thread; what it returns is the answer.
    /// - Returns: what `work` returned.
    /// - Throws: ``PostgreSQLError``, that of `work` or of kind `outage` or `timeout`.
    public func run<Answer: Sendable>(
        within timeout: Duration? = nil, _ work: @escaping @Sendable (Session) throws(PostgreSQLError) -> Answer
    ) async throws(PostgreSQLError) -> Answer {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Answer, PostgreSQLError>, Never>) in
            let job = Job(until: Deadline(after: timeout ?? limits.timeout)) { session in
                let result = Result { () throws(PostgreSQLError) in try work(session) }
                return { continuation.resume(returning: result) }
            } refuse: {
                continuation.resume(returning: .failure($0))
            }
            core.submit(job)
        }
        return try result.get()
    }

    public var statistics: Statistics { core.statistics }

    /// Refuses what waits and what comes; what runs is finished, and its connection closed then.
    public func close() { core.close() }
}

/// What the workers of a pool share with it; it lives until the last of them ends.
final class PoolCore: Sendable {
    let address: ServerAddress
    let limits: Pool.Limits
    let prepare: (@Sendable (Session) throws(PostgreSQLError) -> Void)?
    let cancels = Canceller()
    private let state: Mutex<PoolState<Worker>>
    private let timers = DispatchQueue(label: "postgresql-timers")
    /// When waiting jobs are looked at next.
    private let nextLook = Mutex<Deadline?>(nil)
    private let connects = Atomic(0)
    private let failures = Atomic(0)
    private let timeouts = Atomic(0)

    init(
        _ address: ServerAddress, _ limits: Pool.Limits,
        _ prepare: (@Sendable (Session) throws(PostgreSQLError) -> Void)?
    ) {
        self.address = address
        self.limits = limits
        self.prepare = prepare
        state = Mutex(PoolState(limits))
    }

    var statistics: Pool.Statistics {
        let (connections, waiting, isDown) = state.withLock { ($0.connected, $0.waiting.count, $0.outage != nil) }
        return Pool.Statistics(
            connections: connections, waiting: waiting, isDown: isDown, connects: connects.load(ordering: .relaxed),
            failures: failures.load(ordering: .relaxed), timeouts: timeouts.load(ordering: .relaxed))
    }

    func submit(_ job: Job, isProbe: Bool = false) {
        switch state.withLock({ $0.admit(job, isProbe: isProbe) }) {
        case .give(let job, let worker): worker.give(job)
        case .start(let job): Worker(self).start(with: job)
        case .wait: look(at: job.deadline)
        case .refuse(let error): job.refuse(error)
        }
    }

    /// Looks at the waiting jobs at one's deadline and refuses those that are late, since all workers may be held up.
    ///
    /// One look at all of them is planned at a time: a timer for each job would outlive most of them by far.
    private func look(at time: Deadline) {
        let isSooner = nextLook.withLock { next in
            if let next, next <= time { return false }
            next = time
            return true
        }
        guard isSooner else { return }
        timers.asyncAfter(deadline: .now() + .milliseconds(Int(time.left.milliseconds) + 1)) { [weak self] in
            self?.refuseLate(at: time)
        }
    }

    private func refuseLate(at time: Deadline) {
        let isPlanned = nextLook.withLock { next in
            defer { if next == time { next = nil } }
            return next == time
        }
        // Another look was planned for sooner, and has planned those after it.
        guard isPlanned else { return }
        let (late, next) = state.withLock { $0.expire() }
        if let next { look(at: next) }
        for job in late {
            countTimeout()
            job.refuse(PostgreSQLError(.timeout, "No connection was free in time"))
        }
    }

    func countTimeout() { timeouts.add(1, ordering: .relaxed) }

    func close() {
        let (jobs, workers) = state.withLock { $0.close() }
        for job in jobs { job.refuse(PoolState<Worker>.closed) }
        for worker in workers { worker.give(nil) }
    }
}

// MARK: What workers tell

extension PoolCore {
    func next(for worker: Worker) -> (job: Job?, isClosed: Bool) {
        state.withLock { state in
            let job = state.next(for: worker)
            return (job, state.isClosed)
        }
    }

    func wake(_ worker: Worker) -> Bool { state.withLock { $0.wake(worker) } }

    /// Whether a worker that rested may end, as which it is then no longer counted.
    func spare() -> Bool {
        state.withLock { state in
            guard state.maySpare() else { return false }
            state.leave()
            return true
        }
    }

    func leave() { state.withLock { $0.leave() } }

    func didConnect() {
        connects.add(1, ordering: .relaxed)
        state.withLock { $0.didConnect() }
    }

    func didDisconnect() { state.withLock { $0.didDisconnect() } }

    /// - Returns: whether the worker goes on.
    func didFailToConnect(_ error: PostgreSQLError, for job: Job) -> Bool {
        failures.add(1, ordering: .relaxed)
        switch state.withLock({ $0.didFailToConnect(error, for: job) }) {
        case .left(let given):
            if let (job, worker) = given { worker.give(job) } else { look(at: job.deadline) }
            return false
        case .down(let refused, let isNew):
            for job in refused { job.refuse(error) }
            if isNew { probe(after: .milliseconds(100)) }
            return true
        }
    }

    /// Tries to reach the server until it answers, twice as late each time up to a second.
    private func probe(after delay: Duration) {
        // Nodes that lost a server together do not all come back in the same moment.
        let jitter = Double.random(in: 0.75...1.25)
        let milliseconds = Int(Double(delay.milliseconds) * jitter)
        timers.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in
            guard let self, state.withLock({ $0.outage != nil && !$0.isClosed }) else { return }
            let again: @Sendable (PostgreSQLError) -> Void = { [weak self] _ in
                self?.probe(after: min(.seconds(1), delay * 2))
            }
            submit(
                Job(until: Deadline(after: limits.connectTimeout), perform: { _ in {} }, refuse: again), isProbe: true)
        }
    }
}
