/// Keeps a worker from a target that is down, and lets it back in gently.
///
/// Times count from any fixed moment on a clock that never goes back.
///
/// ```text
///          3 outages in a row              its time has come
///  closed ────────────────────▶ open ───────────────────────▶ probing
///    ▲                            ▲          outage              │
///    │                            └──────────────────────────────┤
///    └──── success: batches of 10, 20, 40 … as they succeed ─────┘
/// ```
public struct Breaker: Sendable {
    /// What the breaker goes by.
    public struct Rules: Sendable, Hashable {
        /// Outages in a row that open it.
        public var failures = 3
        /// The shortest wait before a probe.
        public var shortestWait = Duration.milliseconds(500)
        /// The longest.
        public var longestWait = Duration.seconds(5)
        /// Jobs of the first batch after an outage; each batch without one doubles it.
        public var firstBatch = 10
        /// Jobs of the largest batch.
        public var largestBatch = 500

        public init() {}
    }

    /// Where it stands.
    public enum State: Sendable, Hashable {
        case closed
        /// Nothing may be tried until then.
        case open(until: Duration)
        /// One job is being tried.
        case probing
    }

    /// How many jobs may be taken.
    public enum Permission: Sendable, Hashable {
        case batch(Int)
        /// One job, to find out whether the target is back.
        case probe
        case wait(until: Duration)
        /// Somebody else is finding out.
        case waitForProbe
    }

    private let rules: Rules
    public private(set) var state = State.closed
    private var outages = 0
    private var batch: Int
    private var wait = Duration.zero
    /// How often it has opened.
    public private(set) var openings = 0

    public init(_ rules: Rules = Rules()) {
        self.rules = rules
        batch = rules.largestBatch
    }

    /// What may be done at a moment; a probe is given out once.
    public mutating func permission(at now: Duration) -> Permission {
        switch state {
        case .closed: return .batch(batch)
        case .probing: return .waitForProbe
        case .open(let until):
            guard until <= now else { return .wait(until: until) }
            state = .probing
            return .probe
        }
    }

    /// Somebody else reached the target: whoever comes next may probe.
    public mutating func expectSuccess(at now: Duration) {
        if case .open = state { state = .open(until: now) }
    }

    /// A probe found nothing to try: whoever comes next may probe.
    public mutating func probeWasIdle(at now: Duration) {
        guard state == .probing else { return }
        state = .open(until: now)
    }

    /// The target answered, whatever it said of the job.
    public mutating func succeed() {
        outages = 0
        guard state != .closed else { return }
        state = .closed
        wait = .zero
        batch = min(rules.firstBatch, rules.largestBatch)
    }

    /// A whole batch went by without an outage, so that the next one may be larger.
    public mutating func completeBatch() {
        guard state == .closed else { return }
        batch = min(rules.largestBatch, batch * 2)
    }

    /// The target did not answer.
    public mutating func fail(at now: Duration, using random: inout some RandomNumberGenerator) {
        outages += 1
        switch state {
        // Of jobs that were begun before it opened; they say nothing new.
        case .open: return
        case .closed where outages < rules.failures: return
        case .closed: openings += 1
        case .probing: break
        }
        let longest = min(rules.longestWait, max(rules.shortestWait, wait * 3))
        wait = Duration.random(in: rules.shortestWait...longest, using: &random)
        state = .open(until: now + wait)
    }
}

extension Duration {
    /// Evenly distributed, to the microsecond.
    static func random(in range: ClosedRange<Duration>, using random: inout some RandomNumberGenerator) -> Duration {
        .microseconds(Int64.random(in: range.lowerBound.microseconds...range.upperBound.microseconds, using: &random))
    }

    /// Whole microseconds; the rest falls away.
    private var microseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
