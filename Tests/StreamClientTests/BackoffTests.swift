import StreamClient
import TestSupport
import Testing

@Suite("Waiting between attempts")
struct BackoffTests {
    @Test("never lasts longer than its limit, which doubles up to the ceiling", arguments: 0..<100 as Range<UInt64>)
    func limits(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var backoff = Backoff(base: .milliseconds(100), ceiling: .milliseconds(1_500), maxAttempts: 8)
        for limit in [100, 200, 400, 800, 1_500, 1_500, 1_500] {
            guard let delay = backoff.failed(using: &random) else {
                Issue.record("gave up early")
                return
            }
            #expect(delay >= .zero && delay <= .milliseconds(limit))
        }
        #expect(backoff.failed(using: &random) == nil)
    }

    @Test("is spread over the whole of its limit, so that clients do not return together")
    func jitter() {
        let delays = (0..<200 as Range<UInt64>).compactMap { seed -> Duration? in
            var random = SplitMix(seed: seed)
            var backoff = Backoff(base: .seconds(1), ceiling: .seconds(1), maxAttempts: 2)
            return backoff.failed(using: &random)
        }
        for quarter in 0..<4 {
            let range = Duration.milliseconds(quarter * 250)..<(.milliseconds(quarter * 250 + 250))
            #expect(delays.count { range.contains($0) } > 20, "quarter \(quarter)")
        }
    }

    @Test("begins anew after a success")
    func success() {
        var random = SplitMix(seed: 1)
        var backoff = Backoff(base: .milliseconds(1), ceiling: .seconds(1), maxAttempts: 3)
        for _ in 0..<10 {
            #expect(backoff.failed(using: &random) != nil)
            #expect(backoff.failed(using: &random).map { $0 <= .milliseconds(2) } == true)
            backoff.succeeded()
        }
    }

    @Test("lasts at least as long as the server asks, and is given up when that is too long")
    func floor() {
        var random = SplitMix(seed: 1)
        var backoff = Backoff(base: .milliseconds(10), ceiling: .milliseconds(10), maxAttempts: 5)
        let delay = backoff.failed(floor: .seconds(2), using: &random)
        #expect(delay.map { $0 >= .seconds(2) && $0 <= .milliseconds(2_010) } == true)
        #expect(backoff.failed(floor: .seconds(31), using: &random) == nil)
    }
}
