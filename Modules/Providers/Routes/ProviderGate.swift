internal import Core
internal import Reactor
internal import Synchronization

/// Lets as many requests to a provider at once as it takes, in turn, and none while it is down; shared by all loops.
public final class ProviderGate: Sendable {
    /// How many, and how patient those are who wait.
    public struct Limits: Sendable, Hashable {
        /// Requests under way at once.
        public var running = 100_000
        /// Those that may wait for their turn; one more is turned away.
        public var waiting = 1_000
        /// How long one may wait.
        public var wait = Duration.seconds(10)
        public var breaker = CircuitBreaker.Settings()

        /// As many as a server runs, and a thousand more that wait ten seconds.
        public init() {}
    }

    private struct State {
        var limits: Limits
        var breaker = CircuitBreaker()
        var queue = FairQueue()
    }

    private let state: Mutex<State>
    private let now: @Sendable () -> ContinuousClock.Instant

    /// `now`: the clock that the breaker's pauses are counted on.
    public init(_ limits: Limits, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        state = Mutex(State(limits: limits))
        self.now = now
    }

    /// Takes other limits from now on; those inside stay.
    public func change(_ limits: Limits) {
        let next = state.withLock { state in
            state.limits = limits
            return state.queue.admitted(within: limits.running)
        }
        for waiter in next { waiter.resume(returning: true) }
    }

    /// Requests under way and waiting, and the breaker's state, for metrics.
    public var load: (running: Int, waiting: Int, breaker: String) {
        state.withLock { ($0.queue.running, $0.queue.waiting, $0.breaker.name) }
    }

    /// Waits for a turn; after it ``leave(_:for:)`` is owed.
    ///
    /// - Throws: `providerOverloaded` while the breaker is open, when the queue is full and when the turn did not come in
    ///   time; `cancelled`.
    func enter(for user: String, on loop: EventLoop) async throws(PlatformError) {
        if try admit(user) { return }
        let ticket = Ticket()
        let isIn = await waitForTurn(ticket, user, loop)
        // The breaker may have opened meanwhile.
        let pause = isIn ? state.withLock { $0.breaker.admit($0.limits.breaker, at: now()) } : nil
        if isIn, pause == nil, !Task.isCancelled { return }
        if isIn { leave(.unknown, for: user) }
        throw Task.isCancelled
            ? .provider(.cancelled) : .provider(.providerOverloaded, retryAfter: pause ?? .seconds(1))
    }

    /// Whether there is room at once.
    private func admit(_ user: String) throws(PlatformError) -> Bool {
        let now = now()
        return try state.withLock { state throws(PlatformError) in
            if let wait = state.breaker.admit(state.limits.breaker, at: now) {
                throw .provider(.providerOverloaded, retryAfter: wait)
            }
            if state.queue.enter(user, within: state.limits.running) { return true }
            // Admitted by the breaker, but not sent yet.
            state.breaker.note(.unknown, state.limits.breaker, at: now)
            guard state.queue.waiting < state.limits.waiting else {
                throw .provider(.providerOverloaded, retryAfter: .seconds(1))
            }
            return false
        }
    }

    private func waitForTurn(
        _ ticket: Ticket, _ user: String, _ loop: EventLoop, isolation: isolated (any Actor)? = #isolation
    ) async -> Bool {
        let timer = LoopTimer(on: loop) { [unowned self] in giveUp(ticket) }
        timer.start(after: state.withLock { $0.limits.wait })
        defer { timer.stop() }
        return await withTaskCancellationHandler {
            _ = isolation
            return await withCheckedContinuation { waiter in
                let isIn = state.withLock { state -> Bool? in
                    if Task.isCancelled { return false }
                    if state.queue.enter(user, within: state.limits.running) { return true }
                    state.queue.wait(FairQueue.Waiter(ticket: ObjectIdentifier(ticket), user: user, waiter: waiter))
                    return nil
                }
                if let isIn { waiter.resume(returning: isIn) }
            }
        } onCancel: {
            giveUp(ticket)
        }
    }

    private func giveUp(_ ticket: Ticket) {
        state.withLock { $0.queue.remove(ObjectIdentifier(ticket)) }?.resume(returning: false)
    }

    /// Gives the turn back, and says how the request went.
    func leave(_ result: CircuitBreaker.Result, for user: String) {
        let now = now()
        let next = state.withLock { state in
            state.breaker.note(result, state.limits.breaker, at: now)
            state.queue.leave(user)
            return state.queue.admitted(within: state.limits.running)
        }
        for waiter in next { waiter.resume(returning: true) }
    }

    /// Names one who waits.
    private final class Ticket: Sendable {}
}

/// Who is inside and who waits: the next turn goes to the user with the fewest requests under way, and among those to who
/// came first, so that nobody's hundred questions hold up another's one.
struct FairQueue {
    struct Waiter {
        var ticket: ObjectIdentifier
        var user: String
        var waiter: CheckedContinuation<Bool, Never>
    }

    private(set) var running = 0
    private var byUser: [String: Int] = [:]
    private var waiters: [Waiter] = []

    var waiting: Int { waiters.count }

    /// Whether there was room; who waits already goes first.
    mutating func enter(_ user: String, within limit: Int) -> Bool {
        guard running < limit, waiters.isEmpty else { return false }
        begin(user)
        return true
    }

    mutating func wait(_ waiter: Waiter) { waiters.append(waiter) }

    mutating func remove(_ ticket: ObjectIdentifier) -> CheckedContinuation<Bool, Never>? {
        guard let place = waiters.firstIndex(where: { $0.ticket == ticket }) else { return nil }
        return waiters.remove(at: place).waiter
    }

    mutating func leave(_ user: String) {
        running -= 1
        if let count = byUser[user] { byUser[user] = count > 1 ? count - 1 : nil }
    }

    /// Those whose turn it is now; the caller resumes them, outside its lock.
    mutating func admitted(within limit: Int) -> [CheckedContinuation<Bool, Never>] {
        var admitted: [CheckedContinuation<Bool, Never>] = []
        while running < limit, let place = next() {
            let waiter = waiters.remove(at: place)
            begin(waiter.user)
            admitted.append(waiter.waiter)
        }
        return admitted
    }

    private func next() -> Int? {
        waiters.indices.min { (byUser[waiters[$0].user] ?? 0, $0) < (byUser[waiters[$1].user] ?? 0, $1) }
    }

    private mutating func begin(_ user: String) {
        running += 1
        byUser[user, default: 0] += 1
    }
}
