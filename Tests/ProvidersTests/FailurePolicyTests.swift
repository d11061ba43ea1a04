import Core
import TestSupport
import Testing

@testable import Providers

@Suite("The policy for failures")
struct FailurePolicyTests {
    private static func failure(_ code: PlatformError.Code, wait: Duration? = nil) -> ProviderFailure {
        ProviderFailure(.provider(code, retryAfter: wait))
    }

    @Test("waits a random part of a time that doubles up to the cap", arguments: [0, 0.25, 1])
    func backoff(share: Double) {
        var policy = FailurePolicy()
        policy.tries = 20
        policy.total = .seconds(3600)
        let ceilings: [Duration] = [
            .milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(8),
        ]
        for (index, ceiling) in ceilings.enumerated() {
            let wait = policy.wait(
                after: Self.failure(.providerOverloaded), tries: index + 1, elapsed: .zero, share: share)
            #expect(wait == ceiling * share)
        }
    }

    @Test("waits as long as the provider asks for, and not at all when there is no time for it")
    func asked() {
        let policy = FailurePolicy()
        let failure = Self.failure(.rateLimited, wait: .seconds(20))
        #expect(policy.wait(after: failure, tries: 1, elapsed: .zero, share: 0.5) == .seconds(20))
        #expect(policy.wait(after: failure, tries: 1, elapsed: .seconds(40), share: 0.5) == nil)
    }

    @Test("gives up after its tries, and at once where a retry is in vain")
    func bounds() {
        let policy = FailurePolicy()
        #expect(policy.wait(after: Self.failure(.providerFailed), tries: 2, elapsed: .zero, share: 0) == .zero)
        #expect(policy.wait(after: Self.failure(.providerFailed), tries: 3, elapsed: .zero, share: 0) == nil)
        for code in [PlatformError.Code.providerAuthentication, .providerQuota, .contentBlocked, .contextTooLong] {
            #expect(policy.wait(after: Self.failure(code), tries: 1, elapsed: .zero, share: 0) == nil)
        }
    }

    @Test("A breaker opens after failures in a row, lets one request probe, and closes when that is answered")
    func breaker() {
        var settings = CircuitBreaker.Settings()
        (settings.failures, settings.pause) = (3, .seconds(30))
        var breaker = CircuitBreaker()
        let start = ContinuousClock.now
        for result in [CircuitBreaker.Result.failed, .failed, .alive, .failed, .failed] {
            #expect(breaker.admit(settings, at: start) == nil)
            breaker.note(result, settings, at: start)
        }
        #expect(breaker.name == "closed")
        breaker.note(.failed, settings, at: start)
        #expect(breaker.name == "open")
        #expect(breaker.admit(settings, at: start + .seconds(10)) == .seconds(20))
        let later = start + .seconds(30)
        #expect(breaker.admit(settings, at: later) == nil)
        #expect(breaker.admit(settings, at: later) == .seconds(30))
        breaker.note(.failed, settings, at: later)
        #expect(breaker.admit(settings, at: later + .seconds(1)) == .seconds(29))
        #expect(breaker.admit(settings, at: later + .seconds(30)) == nil)
        // One that was cancelled tells nothing: the next may probe.
        breaker.note(.unknown, settings, at: later + .seconds(31))
        #expect(breaker.admit(settings, at: later + .seconds(31)) == nil)
        breaker.note(.alive, settings, at: later + .seconds(32))
        #expect(breaker.name == "closed")
        #expect(breaker.admit(settings, at: later + .seconds(32)) == nil)
    }

    @Test("A breaker that is set to no failures never opens")
    func noBreaker() {
        var settings = CircuitBreaker.Settings()
        settings.failures = 0
        var breaker = CircuitBreaker()
        for _ in 0..<100 { breaker.note(.failed, settings, at: .now) }
        #expect(breaker.name == "closed")
    }
}

@Suite("A provider's gate", .timeLimit(.minutes(1)))
struct ProviderGateTests {
    private func gate(running: Int, waiting: Int = 100, wait: Duration = .seconds(60)) -> ProviderGate {
        var limits = ProviderGate.Limits()
        (limits.running, limits.waiting, limits.wait) = (running, waiting, wait)
        return ProviderGate(limits)
    }

    @Test("lets in as many as it takes, and the next when one leaves")
    func limit() async throws {
        let gate = gate(running: 2)
        try await onLoop { actor in
            try await gate.enter(for: "a", on: actor.loop)
            try await gate.enter(for: "a", on: actor.loop)
            let third = Task(executorPreference: actor.loop) { try await onTheSame(actor, gate, "b") }
            try await wait(while: gate.load.waiting == 0)
            #expect(gate.load.running == 2)
            gate.leave(.alive, for: "a")
            try await third.value
            #expect(gate.load.running == 2)
            #expect(gate.load.waiting == 0)
        }
    }

    private func onTheSame(_ actor: isolated LoopActor, _ gate: ProviderGate, _ user: String) async throws {
        try await gate.enter(for: user, on: actor.loop)
    }

    @Test("turns away who would wait too long, or behind too many")
    func full() async throws {
        let short = gate(running: 1, wait: .milliseconds(10))
        let none = gate(running: 1, waiting: 0)
        await onLoop { actor in
            for gate in [short, none] {
                do throws(PlatformError) {
                    try await gate.enter(for: "a", on: actor.loop)
                    try await gate.enter(for: "b", on: actor.loop)
                    Issue.record("there was no room")
                } catch {
                    #expect(error.code == .providerOverloaded)
                    #expect(error.retryAfter != nil)
                    #expect(gate.load.waiting == 0)
                }
            }
        }
    }

    @Test("keeps no place for who is cancelled")
    func cancelled() async throws {
        let gate = gate(running: 1)
        try await onLoop { actor in
            try await gate.enter(for: "a", on: actor.loop)
            let second = Task(executorPreference: actor.loop) { try await onTheSame(actor, gate, "b") }
            try await wait(while: gate.load.waiting == 0)
            second.cancel()
            let result = await second.result
            #expect(throws: PlatformError.self) { try result.get() }
            gate.leave(.alive, for: "a")
            #expect(gate.load.running == 0)
        }
    }

    @Test("gives the next turn to the user with the fewest requests under way")
    func fair() async throws {
        let gate = gate(running: 2)
        let order = try await onLoop { actor in
            try await gate.enter(for: "many", on: actor.loop)
            try await gate.enter(for: "other", on: actor.loop)
            let seen = Seen()
            var tasks: [Task<Void, any Error>] = []
            for (index, user) in ["many", "many", "one"].enumerated() {
                tasks.append(
                    Task(executorPreference: actor.loop) {
                        try await onTheSame(actor, gate, user)
                        await actor.run { _ in seen.users.append(user) }
                    })
                try await wait(while: gate.load.waiting <= index)
            }
            gate.leave(.alive, for: "other")
            gate.leave(.alive, for: "many")
            gate.leave(.alive, for: "many")
            for task in tasks { try await task.value }
            return seen.users
        }
        #expect(order == ["one", "many", "many"])
    }

    /// Touched on one loop alone.
    private final class Seen: @unchecked Sendable {
        var users: [String] = []
    }
}
