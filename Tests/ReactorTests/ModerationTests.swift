import TestSupport
import Testing

@testable import Reactor

@Suite("Moderation of wake-ups", .timeLimit(.minutes(1)))
struct ModerationTests {
    /// What a loop sleeps after some windows in which it wrote so often in a millisecond and was idle so long.
    private func period(writes: Int, idle: Double) -> UInt64 {
        var moderation = Moderation()
        var now: UInt64 = 0
        for _ in 0..<50 {
            moderation.wrote(writes)
            let wait = UInt64(idle * 1_000_000)
            now += 1_000_000
            moderation.waited(from: now - wait, to: now)
        }
        return moderation.period
    }

    @Test(
        "A loop that has time sleeps until ten writes come together, for a millisecond at most",
        arguments: [(writes: 5, sleep: 1_000_000), (10, 1_000_000), (20, 500_000), (50, 200_000)])
    func gathers(_ writes: Int, sleep: UInt64) {
        #expect(period(writes: writes, idle: 0.5) == sleep)
    }

    @Test("A loop that writes seldom answers at once", arguments: [0, 1, 4])
    func seldom(_ writes: Int) { #expect(period(writes: writes, idle: 0.9) == 0) }

    @Test("A loop with hardly any time to spare does not sleep", arguments: [0, 0.1, 0.24])
    func saturated(_ idle: Double) { #expect(period(writes: 40, idle: idle) == 0) }

    @Test(
        "However load comes and goes, no sleep is longer than a millisecond, and it ends with the load",
        arguments: [UInt64(2611)])
    func bounded(_ seed: UInt64) {
        var random = SplitMix(seed: seed)
        var moderation = Moderation()
        var now: UInt64 = 0
        for _ in 0..<10_000 {
            moderation.wrote(.random(in: 0...200, using: &random))
            let start = now + .random(in: 0...2_000_000, using: &random)
            now = start + moderation.period + .random(in: 0...5_000_000, using: &random)
            moderation.waited(from: start, to: now)
            #expect(moderation.period <= 1_000_000)
        }
        for _ in 0..<2 { moderation.waited(from: now, to: now + Moderation.window) }
        #expect(moderation.period == 0)
    }

    @Test("A loop that writes often, a little at a time, comes to sleep before it looks")
    func onLoop() async {
        await TestSupport.onLoop { actor in
            let writer = Writer()
            let slept = Tally()
            let timer = LoopTimer(on: actor.loop) {
                for _ in 0..<20 { actor.loop.atEndOfTurn(writer) }
                if actor.loop.statistics.pauses > 0 { slept.add() }
            }
            #expect(actor.loop.statistics.pauses == 0)
            timer.start(after: .milliseconds(1), repeating: true)
            await slept.reaches(1)
            timer.stop()
        }
    }

    @Test("A turn in which a task ran is followed by no sleep, however often the loop writes")
    func tasks() async {
        let slept = await TestSupport.onLoop { actor in
            let writer = Writer()
            let ticks = Ticks()
            let enough = Tally()
            let timer = LoopTimer(on: actor.loop) {
                for _ in 0..<20 { actor.loop.atEndOfTurn(writer) }
                let pauses = actor.loop.statistics.pauses
                // It sleeps by now: from here on each turn has a task.
                guard pauses > 0 else { return }
                if ticks.count == 0 { ticks.pauses = pauses }
                ticks.count += 1
                if ticks.count == 101 {
                    ticks.pauses = pauses - ticks.pauses
                    enough.add()
                }
                Task(executorPreference: actor.loop) {}
            }
            timer.start(after: .milliseconds(1), repeating: true)
            await enough.reaches(1)
            timer.stop()
            return ticks.pauses
        }
        // A turn now and then is for no timer, and has none.
        #expect(slept < 50)
    }
}

/// What a timer saw.
private final class Ticks {
    var count = 0
    var pauses = 0
}

/// What stands for a socket with something to write.
private final class Writer: EndOfTurn {
    func turnEnded() {}
}
