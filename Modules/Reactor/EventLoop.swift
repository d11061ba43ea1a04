internal import CUV
import Glibc
internal import Synchronization

/// One libuv loop on one thread, and the executor of every actor and task that belongs to it.
///
/// Socket and timer events only make jobs ready; the jobs run together once per turn of the loop, never inside a C
/// callback. What happens at the end of a turn, such as writing a socket once for all that was said in it, is asked for
/// with ``atEndOfTurn(_:)``.
///
/// Safe to share: `inbox` is a lock-free stack that any thread may push to; all other state is touched by the thread
/// that called ``run()`` alone, which ``preconditionOnLoop()`` guards at the doors.
public final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    let uv: UnsafeMutablePointer<uv_loop_t>
    private let wakeUp: UnsafeMutablePointer<uv_async_t>
    private let check: UnsafeMutablePointer<uv_check_t>
    private let prepare: UnsafeMutablePointer<uv_prepare_t>

    private let inbox = Inbox()
    private let owner = Atomic<UInt>(0)
    private var ready: [ReadyJob] = []
    private var running: [ReadyJob] = []
    private var endings: [any EndOfTurn] = []
    private var ended: [any EndOfTurn] = []
    private var locals: [ObjectIdentifier: AnyObject] = [:]
    private var isStopping = false
    private var moderation = Moderation()
    /// Whether a task went on in this turn; a chunk of text needs none.
    private var hasRunJobs = false
    /// When libuv was last let look at the sockets, and when it had, in nanoseconds.
    private var lookedAt: UInt64 = 0
    private var foundAt: UInt64 = 0

    private let counts = Counts()

    /// Rounds of jobs in one turn, of which each makes ready the next.
    private static let maxRounds = 256

    /// A loop that does not run yet.
    public init() {
        uv = .allocate(capacity: 1)
        wakeUp = .allocate(capacity: 1)
        check = .allocate(capacity: 1)
        prepare = .allocate(capacity: 1)
        uv_loop_init(uv)
        let me = Unmanaged.passUnretained(self).toOpaque()
        uv.pointee.data = me
        uv_async_init(uv, wakeUp) { EventLoop.of($0?.pointee.data)?.drain() }
        wakeUp.pointee.data = me
        uv_check_init(uv, check)
        check.pointee.data = me
        uv_check_start(check) { EventLoop.of($0?.pointee.data)?.hasLooked() }
        uv_prepare_init(uv, prepare)
        prepare.pointee.data = me
        uv_prepare_start(prepare) { EventLoop.of($0?.pointee.data)?.willLook() }
    }

    static func of(_ data: UnsafeMutableRawPointer?) -> EventLoop? {
        data.map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: Running

    /// Runs the loop on the calling thread until ``stop()``.
    ///
    /// A loop is run once and lives as long as the process.
    public func run() {
        owner.store(UInt(pthread_self()), ordering: .releasing)
        while !isStopping { uv_run(uv, UV_RUN_DEFAULT) }
    }

    /// Runs the loop on a new thread.
    public func start() { Thread.start { self.run() } }

    /// Ends ``run()`` after the present turn; from any thread.
    public func stop() {
        execute {
            self.isStopping = true
            uv_stop(self.uv)
        }
    }

    /// Whether the calling thread is the loop's.
    public var isCurrent: Bool { owner.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// The loop's time in milliseconds, as it was when this turn began; monotonic.
    public var now: UInt64 { uv_now(uv) }

    /// Looks at the clock anew, for a time that is counted from this moment and not from the turn's beginning.
    func updateTime() { uv_update_time(uv) }

    // MARK: Jobs

    /// Runs `body` on the loop; from any thread, in the order of the calls of one thread.
    public func execute(_ body: @escaping @Sendable () -> Void) {
        inbox.push(.body(body))
        uv_async_send(wakeUp)
    }

    /// Calls `ending` once when the jobs of this turn have run; on the loop's thread only.
    public func atEndOfTurn(_ ending: any EndOfTurn) { endings.append(ending) }

    /// For the runtime: makes a job ready; from any thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            counts.local.add(1, ordering: .relaxed)
            ready.append(ReadyJob(job: job, isForeign: false))
        } else {
            counts.remote.add(1, ordering: .relaxed)
            inbox.push(.job(job))
            uv_async_send(wakeUp)
        }
    }

    /// For the runtime: stops the process when the calling thread is not the loop's.
    public func checkIsolated() { preconditionOnLoop() }

    /// For the runtime: whether the calling thread is the loop's.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Stops the process when called from a thread that is not the loop's.
    public func preconditionOnLoop() { precondition(isCurrent, "called off the event loop") }

    /// Before libuv asks for what happened, and waits for it.
    private func willLook() {
        drain()
        defer { hasRunJobs = false }
        lookedAt = uv_hrtime()
        let worked = lookedAt - foundAt
        // A task that went on is a request that begins or ends: its first word takes some turns, and is waited for.
        guard worked < moderation.period, !hasRunJobs, !isStopping else { return }
        counts.pauses.add(1, ordering: .relaxed)
        usleep(UInt32((moderation.period - worked) / 1000))
    }

    private func hasLooked() {
        foundAt = uv_hrtime()
        moderation.waited(from: lookedAt, to: foundAt)
        drain()
    }

    private func drain() {
        inbox.popAll { item in
            switch item {
            case .job(let job): ready.append(ReadyJob(job: job, isForeign: true))
            case .body(let body): body()
            }
        }
        guard !ready.isEmpty || !endings.isEmpty else { return }
        counts.turns.add(1, ordering: .relaxed)
        let serial = asUnownedSerialExecutor()
        let task = asUnownedTaskExecutor()
        var rounds = 0
        while !ready.isEmpty || !endings.isEmpty {
            rounds += 1
            if !ready.isEmpty { hasRunJobs = true }
            swap(&ready, &running)
            for next in running {
                if next.isForeign {
                    unsafe next.job.runSynchronously(on: serial)
                } else {
                    unsafe next.job.runSynchronously(isolatedTo: serial, taskExecutor: task)
                }
            }
            running.removeAll(keepingCapacity: true)
            // A task that never waits must keep neither what was written from going out nor the loop from its sockets.
            let isOver = rounds == Self.maxRounds
            guard ready.isEmpty || isOver else { continue }
            // Two arrays in turns, as for the jobs: neither is ever allocated anew.
            swap(&endings, &ended)
            for ending in ended { ending.turnEnded() }
            moderation.wrote(ended.count)
            ended.removeAll(keepingCapacity: true)
            if isOver {
                uv_async_send(wakeUp)
                return
            }
        }
    }

    // MARK: What belongs to the loop

    /// The loop's own instance of a type, made at the first call; on the loop's thread only.
    public func local<Value: AnyObject>(_ type: Value.Type = Value.self, make: () -> Value) -> Value {
        preconditionOnLoop()
        if let value = locals[ObjectIdentifier(type)] as? Value { return value }
        let value = make()
        locals[ObjectIdentifier(type)] = value
        return value
    }

    /// What the loop has done so far; from any thread.
    public var statistics: Statistics {
        Statistics(
            turns: counts.turns.load(ordering: .relaxed),
            localJobs: counts.local.load(ordering: .relaxed),
            remoteJobs: counts.remote.load(ordering: .relaxed),
            pauses: counts.pauses.load(ordering: .relaxed))
    }

    /// Counters since the loop was made.
    public struct Statistics: Sendable, Hashable {
        /// Turns in which there was something to do.
        public var turns: Int
        /// Jobs that the loop's own thread made ready.
        public var localJobs: Int
        /// Jobs that other threads made ready: none on the path of a token.
        public var remoteJobs: Int
        /// How often the loop slept so that more came together, of a millisecond at most.
        public var pauses: Int
    }

    private final class Counts: Sendable {
        let turns = Atomic<Int>(0)
        let local = Atomic<Int>(0)
        let remote = Atomic<Int>(0)
        let pauses = Atomic<Int>(0)
    }
}

/// A job that is to run in this turn.
private struct ReadyJob {
    let job: UnownedJob
    /// Whether another thread made it ready.
    ///
    /// Its task may not prefer this loop; run as if it did, it would be lost when
    /// it hops away (observed with Swift 6.3.1). A task that does prefer it is made ready by the loop itself, but for its
    /// first job, and saves a job for each wait by being run so.
    let isForeign: Bool
}

/// Something that has work for the end of a loop's turn.
public protocol EndOfTurn: AnyObject {
    /// Called once for each time it was asked for, on the loop's thread.
    func turnEnded()
}
