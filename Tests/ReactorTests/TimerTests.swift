import Glibc
import Reactor
import TestSupport
import Testing

@Suite("Timers and signals", .timeLimit(.minutes(1)))
struct TimerTests {
    @Test("A timer fires once, not before its time")
    func once() async {
        await onLoop { actor in
            let fired = Tally()
            let start = actor.loop.now
            let timer = LoopTimer(on: actor.loop) { fired.add() }
            #expect(!timer.isRunning)
            timer.start(after: .milliseconds(20))
            #expect(timer.isRunning)
            await fired.reaches(1)
            #expect(actor.loop.now - start >= 20)
            #expect(!timer.isRunning)
        }
    }

    @Test("A repeating timer fires until it is stopped")
    func repeating() async {
        await onLoop { actor in
            let fired = Tally()
            let timer = LoopTimer(on: actor.loop) { fired.add() }
            timer.start(after: .milliseconds(1), repeating: true)
            await fired.reaches(3)
            timer.stop()
            #expect(!timer.isRunning)
        }
    }

    @Test("A timer that was stopped, or let go of, does not fire")
    func stopped() async {
        await onLoop { actor in
            let wrong = Tally()
            let stopped = LoopTimer(on: actor.loop) { wrong.add() }
            stopped.start(after: .milliseconds(1))
            stopped.stop()
            var dropped: LoopTimer? = LoopTimer(on: actor.loop) { wrong.add() }
            dropped?.start(after: .milliseconds(1))
            dropped = nil
            let later = Tally()
            let last = LoopTimer(on: actor.loop) { later.add() }
            last.start(after: .milliseconds(10))
            await later.reaches(1)
            #expect(wrong.value == 0)
            #expect(last.isRunning == false && dropped == nil)
        }
    }

    @Test("A timer may be let go of by what it calls")
    func droppedInCallback() async {
        await onLoop { actor in
            let owner = Owner()
            let freed = Tally()
            let canary = Canary { freed.add() }
            owner.timer = LoopTimer(on: actor.loop) { [weak owner] in
                withExtendedLifetime(canary) { owner?.timer = nil }
            }
            owner.timer?.start(after: .milliseconds(1))
            while owner.timer != nil { await Task.yield() }
        }
    }

    @Test("Times are rounded up, and those before now are now")
    func rounding() async throws {
        try await onLoop { actor in
            for delay in [Duration.nanoseconds(1), .zero, .seconds(-5)] {
                let start = actor.loop.now
                try await actor.loop.sleep(for: delay)
                #expect(actor.loop.now - start >= (delay > .zero ? 1 : 0))
            }
        }
    }

    @Test("An idle timer fires after silence, counted from the last sign or from when it fired, again and again")
    func idle() async throws {
        try await onLoop { actor in
            let fired = Tally()
            // Of the last sign and of each firing.
            var moments = [actor.loop.now]
            var sign = actor.loop.now
            let idle = IdleTimer(on: actor.loop, limit: .milliseconds(30), lastSign: { sign }) {
                moments.append(actor.loop.now)
                fired.add()
            }
            for _ in 0..<5 {
                try await actor.loop.sleep(for: .milliseconds(10))
                // On a busy machine the sleep may outlast the limit: then there was silence.
                if fired.value > 0 { break }
                sign = actor.loop.now
                moments = [sign]
            }
            await fired.reaches(3)
            #expect(zip(moments, moments.dropFirst()).allSatisfy { $1 - $0 >= 30 })
            withExtendedLifetime(idle) {}
        }
    }

    @Test("Sleep ends at once when its task is cancelled, also before it has begun")
    func cancelledSleep() async {
        await onLoop { actor in
            let began = Tally()
            let sleeper = Task {
                began.add()
                do {
                    try await actor.loop.sleep(for: .seconds(3_600))
                    Issue.record("an hour has passed")
                } catch {
                    #expect(actor.loop.isCurrent)
                }
            }
            await began.reaches(1)
            sleeper.cancel()
            await sleeper.value
            let early = Task {
                actor.preconditionIsolated()
                #expect(throws: CancellationError.self) { try Task.checkCancellation() }
                await #expect(throws: CancellationError.self) { try await actor.loop.sleep(for: .seconds(3_600)) }
            }
            early.cancel()
            await early.value
        }
    }

    @Test("Sleep cancelled from another thread ends once", arguments: 0..<20)
    func racedSleep(round: Int) async {
        let actor = LoopActor.shared
        let sleeper = Task { try await actor.run { try await $0.loop.sleep(for: .milliseconds(round % 4)) } }
        Task.detached { sleeper.cancel() }
        _ = await sleeper.result
    }

    @Test("A signal calls its watchers, and none that was let go of")
    func signal() async {
        await onLoop { actor in
            let seen = Tally()
            let wrong = Tally()
            let watcher = SignalWatcher(SIGUSR2, on: actor.loop) { seen.add() }
            var dropped: SignalWatcher? = SignalWatcher(SIGUSR2, on: actor.loop) { wrong.add() }
            #expect(dropped != nil)
            dropped = nil
            kill(getpid(), SIGUSR2)
            await seen.reaches(1)
            #expect(wrong.value == 0)
            withExtendedLifetime(watcher) {}
        }
    }
}

extension LoopActor {
    /// For tests that need nothing of a loop but that it runs.
    static let shared = LoopActor()
}

private final class Owner {
    var timer: LoopTimer?
}

private final class Canary {
    private let onEnd: () -> Void
    init(_ onEnd: @escaping () -> Void) { self.onEnd = onEnd }
    deinit { onEnd() }
}
