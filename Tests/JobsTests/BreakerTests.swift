import Jobs
import TestSupport
import Testing

@Suite("A breaker")
struct BreakerTests {
    private var random = SplitMix(seed: 1)

    @Test("opens after three outages in a row, and not after two and an answer between")
    mutating func opens() {
        var breaker = Breaker()
        for _ in 0..<2 { breaker.fail(at: .zero, using: &random) }
        breaker.succeed()
        for _ in 0..<2 { breaker.fail(at: .zero, using: &random) }
        #expect(breaker.permission(at: .zero) == .batch(500))
        breaker.fail(at: .zero, using: &random)
        guard case .wait(let until) = breaker.permission(at: .zero) else {
            Issue.record("it is not open")
            return
        }
        #expect(until == .milliseconds(500), "three times nothing is less than the shortest wait")
        #expect(breaker.openings == 1)
    }

    @Test("lets one probe through at a time, and tells its waits from the one before")
    func probes() {
        for seed in 0..<200 {
            var random = SplitMix(seed: UInt64(seed))
            var breaker = Breaker()
            for _ in 0..<3 { breaker.fail(at: .zero, using: &random) }
            var (now, before) = (Duration.zero, Duration.zero)
            for round in 0..<12 {
                guard case .wait(let until) = breaker.permission(at: now) else {
                    Issue.record("seed \(seed): not open in round \(round)")
                    return
                }
                let wait = until - now
                #expect(wait >= .milliseconds(500), "seed \(seed)")
                #expect(wait <= max(.milliseconds(500), min(.seconds(5), before * 3)), "seed \(seed)")
                before = wait
                now = until
                #expect(breaker.permission(at: now) == .probe, "seed \(seed)")
                #expect(breaker.permission(at: now) == .waitForProbe, "seed \(seed)")
                breaker.fail(at: now, using: &random)
            }
            #expect(breaker.openings == 1, "a probe that fails is no new outage")
        }
    }

    @Test("lets more and more through after the first answer")
    mutating func ramp() {
        var breaker = Breaker()
        for _ in 0..<3 { breaker.fail(at: .zero, using: &random) }
        #expect(breaker.permission(at: .seconds(1)) == .probe)
        breaker.succeed()
        var batches: [Int] = []
        for _ in 0..<8 {
            guard case .batch(let batch) = breaker.permission(at: .seconds(1)) else { break }
            batches.append(batch)
            breaker.completeBatch()
        }
        #expect(batches == [10, 20, 40, 80, 160, 320, 500, 500])
    }

    @Test("does not heed what was begun before it opened")
    mutating func late() {
        var breaker = Breaker()
        for _ in 0..<3 { breaker.fail(at: .zero, using: &random) }
        let before = breaker.permission(at: .zero)
        for _ in 0..<100 { breaker.fail(at: .milliseconds(400), using: &random) }
        #expect(breaker.permission(at: .milliseconds(400)) == before)
    }

    @Test("gives the probe to the next when there was nothing to try")
    mutating func idle() {
        var breaker = Breaker()
        for _ in 0..<3 { breaker.fail(at: .zero, using: &random) }
        #expect(breaker.permission(at: .seconds(1)) == .probe)
        breaker.probeWasIdle(at: .seconds(1))
        #expect(breaker.permission(at: .seconds(1)) == .probe)
    }
}
