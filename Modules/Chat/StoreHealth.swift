import Synchronization

/// Whether the store is worth asking: a store that hangs would make every turn wait for its time-out.
///
/// After a failure nobody asks for a while, then one probes; its success lets all ask again.
final class StoreHealth: Sendable {
    private struct State {
        /// When the next may ask; `nil` while all may.
        var retryAt: ContinuousClock.Instant?
        var isProbing = false
    }

    private let state = Mutex(State())
    private let pause: Duration
    private let now: @Sendable () -> ContinuousClock.Instant

    /// - Parameters:
    ///   - pause: after a failure; short, because asking is cheap when the store refuses at once.
    ///   - now: the time that the pause is counted in.
    init(pause: Duration = .seconds(1), now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.pause = pause
        self.now = now
    }

    /// Whether to ask the store now; who is told so says with ``answered(_:)`` how it went.
    func mayAsk() -> Bool {
        let time = now()
        return state.withLock { state in
            guard let retryAt = state.retryAt else { return true }
            guard !state.isProbing, time >= retryAt else { return false }
            state.isProbing = true
            return true
        }
    }

    /// Notes whether the store answered.
    func answered(_ isReachable: Bool) {
        let time = now()
        state.withLock { state in
            state.isProbing = false
            state.retryAt = isReachable ? nil : time + pause
        }
    }

    /// Whether the store answered when it was last asked.
    var isReachable: Bool { state.withLock { $0.retryAt == nil } }
}
