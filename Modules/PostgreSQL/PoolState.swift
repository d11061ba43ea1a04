/// Who works, who rests and who waits in a pool: decisions without threads, made under its lock.
///
/// `Worker` is a thread with at most one connection.
struct PoolState<Worker: AnyObject & Sendable>: Sendable {
    private let limits: Pool.Limits
    private(set) var workers = 0
    /// Those that wait for work, the last one to do some at the end: it gets the next, so that others may go.
    private(set) var resting: [Worker] = []
    private(set) var waiting: [Job] = []
    /// Workers that hold an open connection.
    private(set) var connected = 0
    /// Why nothing is asked of the server until it has been reached again.
    private(set) var outage: PostgreSQLError?
    private(set) var isClosed = false

    init(_ limits: Pool.Limits) { self.limits = limits }

    enum Admission {
        case give(Job, to: Worker)
        /// A new worker is counted already.
        case start(with: Job)
        case wait
        case refuse(PostgreSQLError)
    }

    mutating func admit(_ job: Job, isProbe: Bool = false) -> Admission {
        if isClosed { return .refuse(Self.closed) }
        if let outage, !isProbe { return .refuse(outage) }
        if let worker = resting.popLast() { return .give(job, to: worker) }
        if workers < limits.connections {
            workers += 1
            return .start(with: job)
        }
        guard waiting.count < limits.waiting else {
            return .refuse(PostgreSQLError(.outage, "More than \(limits.waiting) calls wait for a connection"))
        }
        waiting.append(job)
        return .wait
    }

    /// What a worker does next; `nil` to rest.
    mutating func next(for worker: Worker) -> Job? {
        if waiting.isEmpty {
            if !isClosed { resting.append(worker) }
            return nil
        }
        return waiting.removeFirst()
    }

    /// Takes a worker out of its rest, unless it was given work meanwhile.
    mutating func wake(_ worker: Worker) -> Bool {
        guard let index = resting.firstIndex(where: { $0 === worker }) else { return false }
        resting.remove(at: index)
        return true
    }

    /// Whether a worker that has rested long may go; one stays.
    func maySpare() -> Bool { workers > 1 || isClosed }

    mutating func leave() { workers -= 1 }

    mutating func didConnect() {
        connected += 1
        outage = nil
    }

    mutating func didDisconnect() { connected -= 1 }

    enum Failure {
        /// Others still reach the server, and this worker ends: its job is put back to be theirs, or given to one that rests.
        case left(given: (Job, to: Worker)?)
        /// Nobody does; these are refused with it.
        case down(refused: [Job], isNew: Bool)
    }

    mutating func didFailToConnect(_ error: PostgreSQLError, for job: Job) -> Failure {
        if connected > 0 {
            leave()
            if let worker = resting.popLast() { return .left(given: (job, to: worker)) }
            waiting.insert(job, at: 0)
            return .left(given: nil)
        }
        let isNew = outage == nil
        outage = error
        let refused = waiting
        waiting = []
        return .down(refused: [job] + refused, isNew: isNew)
    }

    /// Takes out the jobs whose time is up.
    ///
    /// - Returns: them, and when the next one's is.
    mutating func expire() -> (late: [Job], next: Deadline?) {
        let late = waiting.filter(\.deadline.hasPassed)
        if !late.isEmpty { waiting.removeAll { job in late.contains { $0 === job } } }
        return (late, waiting.map(\.deadline).min())
    }

    /// - Returns: those to refuse and those to end.
    mutating func close() -> (jobs: [Job], workers: [Worker]) {
        isClosed = true
        defer { (waiting, resting) = ([], []) }
        return (waiting, resting)
    }

    static var closed: PostgreSQLError { PostgreSQLError(.outage, "The pool is closed") }
}
