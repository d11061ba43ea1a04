public import Configuration
internal import Core

/// How often and how soon a request that failed is tried again, before anything was shown.
public struct FailurePolicy: Sendable, Hashable {
    /// Requests to one provider for one answer, the first included.
    public var tries = 3
    /// The longest first wait; it doubles with each try (the SDKs of OpenAI and Anthropic begin with the same).
    public var base = Duration.milliseconds(500)
    /// No wait is longer, unless the provider asks for it.
    public var cap = Duration.seconds(8)
    /// From the first request; no try begins later.
    public var total = Duration.seconds(60)

    /// Three tries in a minute, half a second to eight seconds apart.
    public init() {}

    /// How long to wait before the next try: what the provider asks for, or else a random part of a time that doubles,
    /// so that many who failed together do not come back together.
    ///
    /// - Parameters:
    ///   - failure: of the last try.
    ///   - tries: that were made.
    ///   - elapsed: since the first.
    ///   - share: of the wait, from 0 to 1; random in earnest.
    /// - Returns: `nil` when another try is in vain, or there is no time for it.
    public func wait(after failure: ProviderFailure, tries: Int, elapsed: Duration, share: Double) -> Duration? {
        guard failure.canRetry, tries < self.tries else { return nil }
        // More doublings than this pass every cap there may be.
        let ceiling = min(cap, base * (1 << min(max(tries - 1, 0), 20)))
        let wait = failure.wait ?? ceiling * share
        return elapsed + wait < total ? wait : nil
    }

    /// Reads `tries`, `base`, `cap` and `total` from a provider's `retry`.
    public init(_ section: Section) {
        tries = section.int("tries", in: 1...20, default: tries)
        base = section.duration("base", in: .milliseconds(1) ... .seconds(60), default: base)
        cap = section.duration("cap", in: .milliseconds(1) ... .seconds(600), default: cap)
        total = section.duration("total", in: .milliseconds(1) ... .seconds(3600), default: total)
    }
}

extension CircuitBreaker.Settings {
    /// Reads `failures` and `pause` from a provider's `breaker`; `usual` holds where it says nothing.
    public init(_ section: Section, usual: CircuitBreaker.Settings) {
        self = usual
        failures = section.int("failures", in: 0...1_000_000, default: failures)
        pause = section.duration("pause", in: .milliseconds(1) ... .seconds(86_400), default: pause)
    }
}

extension ProviderGate.Limits {
    /// Reads `concurrency` and `breaker` of a provider's section; `usual` holds where they say nothing.
    public init(_ section: Section, usual: ProviderGate.Limits) {
        self = usual
        let concurrency = section.section("concurrency")
        running = concurrency.int("limit", in: 1...1_000_000, default: running)
        waiting = concurrency.int("queue", in: 0...1_000_000, default: waiting)
        wait = concurrency.duration("wait", in: .milliseconds(1) ... .seconds(3600), default: wait)
        breaker = CircuitBreaker.Settings(section.section("breaker"), usual: usual.breaker)
    }
}
