public import Persistence
public import Telemetry

/// Works on the jobs of one queue until it is told to stop.
///
/// For each kind of job it knows, it takes a batch, works on it, settles it, and begins anew. One breaker stands before
/// all of them: what is down for one is down for all. Beside them, one task keeps the leases alive, and another frees what
/// dead workers held. All decisions are those of plain values (``Breaker``, ``RetryRules``, `LeaseBook`); here is only who
/// calls whom.
public actor Worker {
    let queue: any JobQueue
    let handlers: [JobKind: any JobHandler]
    let settings: WorkerSettings
    let time: Time
    let log: Log
    /// What it has done so far.
    public nonisolated let counts = WorkerCounts()

    var breaker: Breaker
    var book = LeaseBook()
    var random = SystemRandomNumberGenerator()
    /// Whether the last failure was the queue's own and not one of a job's target.
    var isQueueFailing = false
    /// The tasks that work on leases.
    var batches: [LeaseToken: Task<Void, Never>] = [:]
    private var liveness: (any WorkerLiveness)?
    /// Whether it was told to stop.
    package var isStopping = false
    private var lanes = 0
    private var recovered: (@Sendable () async -> Void)?
    private var sleepers: [Int: Task<Void, Never>] = [:]
    private var sleeperCount = 0

    /// - Parameters:
    ///   - queue: where the jobs are.
    ///   - handlers: one for each kind that is to be worked on; of two for one kind, the last counts.
    ///   - settings: how it works.
    ///   - clock: what waits and leases are measured by; one that does not go back.
    ///   - log: says what failed, by ids and names of ours.
    public init(
        _ queue: any JobQueue, _ handlers: [any JobHandler], _ settings: WorkerSettings = WorkerSettings(),
        clock: some Clock<Duration> = ContinuousClock(), log: Log
    ) {
        self.queue = queue
        self.handlers = Dictionary(handlers.map { ($0.kind, $0) }) { _, last in last }
        self.settings = settings
        self.log = log
        time = Time(clock)
        breaker = Breaker(settings.breaker)
    }

    /// Works until ``stop()``.
    public func run() async {
        let work = handlers.values.flatMap { handler in
            Array(repeating: handler, count: settings.lanes(of: handler.kind))
        }
        lanes = work.count
        await withTaskGroup(of: Void.self) { group in
            for handler in work { group.addTask { await self.work(handler) } }
            group.addTask { await self.keepAlive() }
            group.addTask { await self.lookAround() }
        }
        await liveness?.leave()
        liveness = nil
    }

    /// Takes no more jobs, lets the running ones end within the drain time, and gives the rest back.
    ///
    /// Returns when nothing is held any more, even if a handler does not come to its end.
    public func stop() async {
        isStopping = true
        wake()
        if lanes > 0 { await pause(for: settings.drain, untilWoken: { $0.isDrained }) }
        await giveUp()
    }

    /// Gives back at once all that is held.
    public func giveUp() async {
        isStopping = true
        for batch in batches.values { batch.cancel() }
        let returns = book.returns
        for token in book.clear() { batches[token] = nil }
        if !returns.isEmpty, let settled = try? await queue.settle(returns) {
            log.info("jobs_given_back", [.count("jobs", settled.count)])
        }
        wake()
    }

    /// Looks for jobs now, as after one was enqueued in this process.
    public func wake() { for sleeper in sleepers.values { sleeper.cancel() } }

    /// Has somebody told each time the target is back after an outage.
    public func whenRecovered(_ tell: @escaping @Sendable () async -> Void) { recovered = tell }

    /// Tries now what an outage holds up, since somebody else reached the target.
    public func tryNow() {
        breaker.expectSuccess(at: time.now)
        wake()
    }

    /// How the breaker stands.
    public var breakerState: Breaker.State { breaker.state }

    /// How often the breaker has opened.
    public var breakerOpenings: Int { breaker.openings }

    /// Jobs in hand.
    public var inHand: Int { book.count }

    private var isDrained: Bool { lanes == 0 }

    func laneEnded() {
        lanes -= 1
        if isDrained { wake() }
    }

    // MARK: Waiting

    /// Waits for so long, or until somebody wakes it.
    func pause(for duration: Duration) async {
        let id = sleeperCount
        sleeperCount += 1
        let sleeper = Task { [time] in await time.sleep(duration) }
        sleepers[id] = sleeper
        await sleeper.value
        sleepers[id] = nil
    }

    /// Waits for so long, or until something has come true by the time it is woken.
    private func pause(for duration: Duration, untilWoken condition: (isolated Worker) -> Bool) async {
        let end = time.now + duration
        while !condition(self), time.now < end { await pause(for: end - time.now) }
    }

    // MARK: Being alive

    /// Who it is in leases; joins the queue when it must.
    ///
    /// - Returns: `nil` when the queue cannot be reached.
    func identity() async -> WorkerID? {
        if let liveness { return liveness.worker }
        do {
            let joined = try await queue.join()
            // Another lane may have joined meanwhile.
            if let liveness {
                await joined.leave()
                return liveness.worker
            }
            liveness = joined
            log.info("worker_joined", [.id("worker", joined.worker)])
            return joined.worker
        } catch {
            noteOutage(error, ofQueue: true)
            return nil
        }
    }

    /// Extends the leases three times in their length, and drops those that are lost.
    private func keepAlive() async {
        while !isDrained {
            await pause(for: settings.lease / 3)
            if let liveness, await !liveness.isHeld() {
                log.warning("worker_lock_lost", [.id("worker", liveness.worker)])
                self.liveness = nil
                abandon(book.clear())
            }
            let tokens = book.tokens
            let start = time.now
            if !tokens.isEmpty, let held = try? await queue.extend(tokens, by: settings.lease) {
                abandon(book.extend(tokens, held: held, for: settings.lease, from: start))
            }
            abandon(book.expire(at: time.now))
        }
    }

    /// Stops working on leases that another worker may have by now.
    private func abandon(_ lost: [LeaseToken]) {
        guard !lost.isEmpty else { return }
        counts.addLost(lost.count)
        log.warning("leases_lost", [.count("leases", lost.count)])
        for token in lost { batches[token]?.cancel() }
    }

    // MARK: Looking around

    /// Frees what dead workers held, and sees to the jobs that come again and again.
    private func lookAround() async {
        var nextSchedule = time.now
        while !isStopping {
            if await identity() != nil {
                if let found = try? await queue.reclaim(), found != Reclaimed() {
                    counts.add(found)
                    log.warning(
                        "jobs_reclaimed", [.count("returned", found.returned), .count("buried", found.buried)])
                    if found.returned > 0 { wake() }
                }
                if nextSchedule <= time.now, !settings.schedule.isEmpty,
                    (try? await queue.enqueue(settings.schedule.map(\.first))) != nil
                {
                    nextSchedule = time.now + .seconds(3600)
                }
            }
            await pause(for: settings.reclaim)
        }
    }

    // MARK: Outages

    func noteOutage(_ error: any Error, ofQueue isQueue: Bool) {
        isQueueFailing = isQueue
        counts.addOutage()
        let before = breaker.openings
        breaker.fail(at: time.now, using: &random)
        counts.setShut(breaker.state != .closed)
        if breaker.openings > before { log.warning("breaker_opened", [.flag("queue", isQueue)], detail: error) }
    }

    func noteSuccess() {
        isQueueFailing = false
        let wasOpen = breaker.state != .closed
        breaker.succeed()
        counts.setShut(false)
        if wasOpen {
            log.info("breaker_closed")
            wake()
            if let recovered { Task { await recovered() } }
        }
    }
}

/// A clock, as moments since it was first looked at.
struct Time: Sendable {
    private let elapsed: @Sendable () -> Duration
    private let wait: @Sendable (Duration) async -> Void

    init(_ clock: some Clock<Duration>) {
        let start = clock.now
        elapsed = { start.duration(to: clock.now) }
        wait = { try? await clock.sleep(for: $0) }
    }

    var now: Duration { elapsed() }

    /// Returns early when the task is cancelled.
    func sleep(_ duration: Duration) async { await wait(duration) }
}
