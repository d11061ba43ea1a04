public import Core
public import Reactor

/// Providers that answer one kind of question: the first is asked, the rest take over where it fails, also in mid-answer.
public struct ModelRoute: Sendable {
    /// What is done when an answer breaks off after some of it was shown.
    public enum Rescue: String, Sendable, CaseIterable {
        /// The next provider goes on from the text that was shown.
        case `continue`
        /// The text is withdrawn and the next provider answers anew.
        case restart
        /// The text stays as it is, and the answer is truncated.
        case off
    }

    /// One provider of a route, with what is known of it.
    public struct Target: Sendable {
        public var provider: any Provider
        public var policy: FailurePolicy
        public var patience: Patience
        public var gate: ProviderGate

        /// `gate` is the provider's one, shared by all routes.
        public init(
            _ provider: any Provider, policy: FailurePolicy = FailurePolicy(), patience: Patience = Patience(),
            gate: ProviderGate = ProviderGate(ProviderGate.Limits())
        ) {
            self.provider = provider
            self.policy = policy
            self.patience = patience
            self.gate = gate
        }
    }

    public var name: String
    /// At least one, in the order in which they are asked.
    ///
    /// One that stands twice gets another chance.
    public var targets: [Target]
    public var rescue: Rescue

    public init(_ name: String, to targets: [Target], rescue: Rescue = .continue) {
        precondition(!targets.isEmpty, "a route leads somewhere")
        self.name = name
        self.targets = targets
        self.rescue = rescue
    }

    /// The first choice, which is asked unless it fails.
    public var first: any Provider { targets[0].provider }
}

/// What happens along a ``ModelRoute``.
public enum RouteEvent {
    /// A provider is asked, in place of one from which nothing was shown.
    case asks(any Provider)
    /// A piece of the answer; see ``Provider/answer(_:on:within:receive:)``.
    case gave(Delta)
    /// The answer broke off and what was shown of it stays: the next provider is about to go on from there.
    case goesOn(with: any Provider)
    /// The answer broke off and what was shown of it is withdrawn: the next provider is about to answer anew.
    case restarts(with: any Provider)
}

/// The time that retries are measured and waited on, and the chance that spreads them.
public struct RouteClock: Sendable {
    public var now: @Sendable () -> ContinuousClock.Instant
    /// Waits on the loop; throws as soon as the task is cancelled.
    public var sleep: nonisolated(nonsending) @Sendable (Duration, EventLoop) async throws(CancellationError) -> Void
    /// From 0 to 1.
    public var chance: @Sendable () -> Double

    public init(
        now: @escaping @Sendable () -> ContinuousClock.Instant,
        sleep:
            nonisolated(nonsending) @escaping @Sendable (
                Duration, EventLoop
            ) async throws(CancellationError) -> Void,
        chance: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.sleep = sleep
        self.chance = chance
    }

    /// The clock of the machine.
    public static let continuous = RouteClock(
        now: { .now },
        sleep: { delay, loop throws(CancellationError) in try await loop.sleep(for: delay) },
        chance: { .random(in: 0...1) })
}
