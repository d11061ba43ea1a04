import Core
import Jobs
import Persistence
import TestSupport
import Testing

@Suite("The rules of retrying")
struct RetryRulesTests {
    private static func job(attempt: Int, backoff: Duration = .zero) -> LeasedJob {
        LeasedJob(
            id: JobID(), kind: .saveTurn, uniqueKey: "k", payload: [], attempt: attempt, backoff: backoff,
            createdAt: .now)
    }

    @Test("give up at the twelfth failure, and at the third of what cannot heal", arguments: [true, false])
    func attempts(canHeal: Bool) {
        var random = SplitMix(seed: 1)
        let dead = (0..<20).first { attempt in
            let verdict = RetryRules().verdict(
                on: Self.job(attempt: attempt), because: "bad", canHeal: canHeal, using: &random)
            return verdict == .bury(because: "bad")
        }
        #expect(dead.map { $0 + 1 } == (canHeal ? 12 : 3))
    }

    @Test("wait between a second and three times the wait before, and never over five minutes")
    func waits() {
        for seed in 0..<200 {
            var random = SplitMix(seed: UInt64(seed))
            var backoff = Duration.zero
            for attempt in 0..<11 {
                guard
                    case .retry(let wait, _) = RetryRules().verdict(
                        on: Self.job(attempt: attempt, backoff: backoff), because: "bad", canHeal: true, using: &random)
                else {
                    Issue.record("seed \(seed): no retry at \(attempt)")
                    return
                }
                #expect(wait >= .seconds(1) && wait <= .seconds(300), "seed \(seed)")
                #expect(wait <= max(.seconds(1), backoff) * 3, "seed \(seed)")
                backoff = wait
            }
        }
    }

    @Test("do not bring jobs back together that failed together")
    func spread() {
        var random = SplitMix(seed: 7)
        let waits = (0..<1000).compactMap { _ -> Duration? in
            let verdict = RetryRules().verdict(
                on: Self.job(attempt: 3, backoff: .seconds(20)), because: "bad", canHeal: true, using: &random)
            return if case .retry(let wait, _) = verdict { wait } else { nil }
        }
        let perSecond = Dictionary(grouping: waits) { $0.components.seconds }.mapValues(\.count)
        #expect(perSecond.count > 50 && (perSecond.values.max() ?? 0) < 50)
    }
}
