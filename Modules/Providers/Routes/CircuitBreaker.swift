/// Keeps requests from a provider that is down, and finds out by single ones when it is back.
///
/// ```text
///            failures in a row reach the limit              the pause is over: one request may probe
///  closed ───────────────────────────────────▶ open ───────────────────────────────────────────▶ half-open
///    ▲                                           ▲                                                   │
///    │                                           └────────────────── the probe fails ────────────────┤
///    └───────────────────────────────────────────────────────────── the probe succeeds ──────────────┘
/// ```
///
/// A value without a clock: the time is passed in.
public struct CircuitBreaker: Sendable {
    /// When it opens, and for how long.
    public struct Settings: Sendable, Hashable {
        /// Failures in a row that open it; 0 never does.
        public var failures = 5
        /// How long no request is let through.
        public var pause = Duration.seconds(30)

        /// Opens after 5 failures in a row, for 30 seconds.
        public init() {}
    }

    private enum State {
        case closed(failures: Int)
        case open(until: ContinuousClock.Instant)
        /// Since when a request is under way that tells whether the provider is back.
        case probing(since: ContinuousClock.Instant)
    }

    private var state = State.closed(failures: 0)

    /// A closed one.
    public init() {}

    /// Whether a request may be sent now; when it may, ``note(_:_:at:)`` is owed its end.
    ///
    /// - Returns: how long to wait, when it may not.
    public mutating func admit(_ settings: Settings, at now: ContinuousClock.Instant) -> Duration? {
        switch state {
        case .closed: return nil
        case .open(let end) where now < end: return now.duration(to: end)
        case .open:
            state = .probing(since: now)
            return nil
        case .probing(let start):
            let waited = start.duration(to: now)
            guard waited >= settings.pause else { return settings.pause - waited }
            // A probe that never comes back must not keep the provider out for ever.
            state = .probing(since: now)
            return nil
        }
    }

    /// How a request went.
    public enum Result: Sendable {
        /// The provider answered, or had good reason to refuse.
        case alive
        /// It is in trouble.
        case failed
        /// It says nothing about the provider, such as a request that the user cancelled.
        case unknown
    }

    /// Notes the end of a request.
    public mutating func note(_ result: Result, _ settings: Settings, at now: ContinuousClock.Instant) {
        switch (state, result) {
        case (.closed, .alive), (.probing, .alive): state = .closed(failures: 0)
        case (.closed(let failures), .failed):
            let isOpen = settings.failures > 0 && failures + 1 >= settings.failures
            state = isOpen ? .open(until: now + settings.pause) : .closed(failures: failures + 1)
        case (.probing, .failed): state = .open(until: now + settings.pause)
        // The next request probes in its place.
        case (.probing, .unknown): state = .open(until: now)
        // A request from before it opened.
        case (.open, _), (.closed, .unknown): break
        }
    }

    /// `closed`, `open` or `half_open`, for metrics.
    public var name: String {
        switch state {
        case .closed: "closed"
        case .open: "open"
        case .probing: "half_open"
        }
    }
}
