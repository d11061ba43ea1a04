public import Core
public import Reactor
import Synchronization

/// Every stream of the process, running or kept for replay.
///
/// Its lock is taken when a stream begins, ends or is looked up, never for a token.
public final class StreamHub: Sendable {
    public let settings: StreamingSettings
    /// Where events are written down; `nil` when they are kept in memory alone.
    public let journal: (any StreamJournal)?
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())
    private let bytes = Atomic<Int>(0)

    private struct Finished {
        var log: StreamLog
        var at: ContinuousClock.Instant
        var bytes: Int
    }

    private struct State {
        var logs: [StreamID: StreamLog] = [:]
        /// Finished ones, oldest first, from `oldest` on.
        var finished: [Finished] = []
        var running = 0
        var isClosed = false
        /// Which requests began the streams of an earlier server.
        var requests: Set<String> = []
        var idleWaiters: [CheckedContinuation<Void, Never>] = []

        mutating func takeIdleWaiters() -> [CheckedContinuation<Void, Never>] {
            defer { idleWaiters = [] }
            return idleWaiters
        }
    }

    /// No streams yet; `journal`: where events are written down, as ``StreamingSettings/durability`` says.
    ///
    /// `now`: the time that ``StreamingSettings/retention`` is counted in.
    public init(
        _ settings: StreamingSettings, journal: (any StreamJournal)? = nil,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.settings = settings
        self.journal = journal
        self.now = now
    }

    /// Makes a log whose run is still to be started, so that a stream can be found before its name is told to anybody.
    ///
    /// Who comes before the run waits for its first event. What is opened is started with ``StreamLog/start(_:_:)``, ended
    /// with ``StreamLog/fail(_:)``, or removed while nobody knows it.
    ///
    /// `loop`: where the log and its run are at home, which is the caller's.
    public func open(_ id: StreamID, owner: UserID, on loop: EventLoop) -> StreamLog {
        let log = StreamLog(id, owner: owner, on: loop, hub: self)
        state.withLock { $0.logs[id] = log }
        return log
    }

    /// Makes a log and starts its run on `loop`, which is the caller's.
    ///
    /// `subject`: what the run is part of; `body`: what fills the log; see ``StreamLog``.
    /// - Throws: as ``StreamLog/start(_:_:)``; then there is no such stream.
    public func start(
        _ id: StreamID, owner: UserID, on loop: EventLoop, of subject: StreamSubject? = nil,
        _ body: @escaping @Sendable (isolated StreamLog) async -> Void
    ) async throws(PlatformError) -> StreamLog {
        let log = open(id, owner: owner, on: loop)
        do throws(PlatformError) {
            try await log.start(subject, body)
        } catch {
            remove(id, for: owner)
            throw error
        }
        return log
    }

    /// Counts one more run, if there is room.
    func admit() throws(PlatformError) {
        sweep()
        try state.withLock { state throws(PlatformError) in
            guard !state.isClosed else {
                throw PlatformError(.shuttingDown, "The server is restarting. Try again in a moment.")
            }
            guard state.running < settings.maxRunningStreams, byteCount < settings.maxBytesInTotal else {
                throw PlatformError(
                    .unavailable, "The server is answering as many questions as it can. Try again shortly.",
                    retryAfter: .seconds(2))
            }
            state.running += 1
        }
    }

    /// The log of a stream, if it is this user's and still in memory: another user's is as unknown as none.
    public func log(_ id: StreamID, for owner: UserID) -> StreamLog? {
        sweep()
        let log = state.withLock { $0.logs[id] }
        return log?.owner == owner ? log : nil
    }

    /// All logs of a user that are in memory, running, finished, or opened a moment ago.
    public func logs(of owner: UserID) -> [StreamLog] {
        state.withLock { state in state.logs.values.filter { $0.owner == owner } }
    }

    /// Runs under way.
    public var runningCount: Int { state.withLock { $0.running } }

    /// Logs in memory, running or finished.
    public var logCount: Int {
        sweep()
        return state.withLock { $0.logs.count }
    }

    /// Bytes of text and events held by all logs, as of their last sealed segments.
    public var byteCount: Int { bytes.load(ordering: .relaxed) }

    /// Forgets a stream of this user's at once; who watches it already still sees it to its end.
    ///
    /// A run under way goes on; to end it as well, ``StreamLog/stop(_:)`` it.
    public func remove(_ id: StreamID, for owner: UserID) {
        let removed = state.withLock { state in
            guard state.logs[id]?.owner == owner else { return Removed() }
            var removed = Removed(log: state.logs.removeValue(forKey: id))
            // What has just ended is asked for most: it stands last.
            if let place = state.finished.lastIndex(where: { $0.log.id == id }) {
                removed.bytes = state.finished.remove(at: place).bytes
            }
            return removed
        }
        bytes.subtract(removed.bytes, ordering: .relaxed)
        if let log = removed.log { left([log]) }
    }

    /// What has left the hub: let go of outside the lock.
    private struct Removed {
        var log: StreamLog?
        var bytes = 0
    }

    // MARK: For logs

    func addBytes(_ count: Int) { bytes.add(count, ordering: .relaxed) }

    /// Counts one run less, which was admitted and is not started.
    func leave() {
        let waiters = state.withLock { state in
            state.running -= 1
            return state.running == 0 ? state.takeIdleWaiters() : []
        }
        for waiter in waiters { waiter.resume() }
    }

    /// `hadRoom`: whether a run was admitted for the log.
    func finished(_ log: StreamLog, bytes: Int, hadRoom: Bool) {
        let time = now()
        let (isKept, waiters) = state.withLock { state in
            if hadRoom { state.running -= 1 }
            // One that was removed meanwhile is replayed no more.
            let isKept = state.logs[log.id] != nil
            if isKept { state.finished.append(Finished(log: log, at: time, bytes: bytes)) }
            return (isKept, state.running == 0 ? state.takeIdleWaiters() : [])
        }
        if !isKept { self.bytes.subtract(bytes, ordering: .relaxed) }
        for waiter in waiters { waiter.resume() }
        sweep()
    }

    /// Forgets the finished logs that are past their time, and the oldest ones while memory is short.
    ///
    /// The hub does so whenever a stream begins, ends or is asked for; the process calls it now and then, so that text
    /// does not outstay its time in a quiet hour.
    public func sweep() {
        let time = now()
        // Handed out, so that large logs are let go of outside the lock.
        let leaving = state.withLock { state in
            var freed = 0
            var leaving: [Finished] = []
            for finished in state.finished {
                let isOld = finished.at.duration(to: time) > settings.retention
                guard isOld || byteCount - freed >= settings.maxBytesInTotal else { break }
                state.logs[finished.log.id] = nil
                freed += finished.bytes
                leaving.append(finished)
            }
            state.finished.removeFirst(leaving.count)
            bytes.subtract(freed, ordering: .relaxed)
            return leaving
        }
        left(leaving.map(\.log))
    }

    /// Whether a stream is still known.
    func keeps(_ id: StreamID) -> Bool { state.withLock { $0.logs[id] != nil } }

    /// Has the journal let go of logs that have left the hub.
    ///
    /// Each says so itself, on its loop: after all that it has handed over before.
    private func left(_ logs: [StreamLog]) {
        guard journal != nil else { return }
        for log in logs { log.loop.execute { log.assumeIsolated { $0.leaveJournal() } } }
    }

    /// Takes up a log that ended `age` ago, and remembers the request that began it.
    func keep(_ log: StreamLog, since age: Duration, request: String?) {
        let bytes = log.restoredBytes
        let at = now() - age
        state.withLock { state in
            state.logs[log.id] = log
            state.finished.append(Finished(log: log, at: at, bytes: bytes))
            if let request { state.requests.insert(request) }
        }
        addBytes(bytes)
        sweep()
    }

    /// Whether an earlier server began a stream on a request of this name.
    public func wasAnswering(_ request: String) -> Bool { state.withLock { $0.requests.contains(request) } }

    // MARK: Shutdown

    /// Refuses new runs from here on.
    public func close() {
        state.withLock { $0.isClosed = true }
    }

    /// Waits until no run is under way.
    public func idle() async {
        await withCheckedContinuation { waiter in
            let isIdle = state.withLock { state in
                if state.running > 0 { state.idleWaiters.append(waiter) }
                return state.running == 0
            }
            if isIdle { waiter.resume() }
        }
    }

    /// Ends every run; each log still gets its last event.
    public func stopAll(_ reason: StreamLog.StopReason) async {
        let logs = state.withLock { Array($0.logs.values) }
        for log in logs { await log.stop(reason) }
    }

    /// Ends every log that has not ended, whatever its run still does.
    public func abandonAll() async {
        let logs = state.withLock { Array($0.logs.values) }
        for log in logs { await log.abandon() }
    }
}
