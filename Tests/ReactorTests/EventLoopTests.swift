import Reactor
import Synchronization
import TestSupport
import Testing

@Suite("The event loop", .timeLimit(.minutes(1)))
struct EventLoopTests {
    @Test("An actor of a loop runs on the loop's thread, before and after each wait")
    func isolation() async {
        await onLoop { actor in
            #expect(actor.loop.isCurrent)
            await Task.yield()
            #expect(actor.loop.isCurrent)
            await Task { @concurrent in }.value
            #expect(actor.loop.isCurrent)
            actor.loop.preconditionOnLoop()
            actor.preconditionIsolated()
        }
    }

    @Test("Another thread is not on the loop, and is told so")
    func foreignThread() async {
        let loop = LoopActor().loop
        #expect(!loop.isCurrent)
        #expect(loop.isIsolatingCurrentContext() == false)
        await #expect(processExitsWith: .failure) { EventLoop().preconditionOnLoop() }
        await #expect(processExitsWith: .failure) { LoopActor().preconditionIsolated() }
    }

    @Test("A timer cannot be made off the loop")
    func timerOffLoop() async {
        await #expect(processExitsWith: .failure) {
            let actor = LoopActor()
            _ = LoopTimer(on: actor.loop) {}
        }
    }

    @Test("Work of many threads runs in the order of each thread, and none is lost")
    func inbox() async {
        let threads = 8
        let each = 2_000
        let seen = Order(threads)
        let done = Tally()
        let loop = LoopActor().loop
        await withTaskGroup { group in
            for thread in 0..<threads {
                group.addTask {
                    for number in 0..<each {
                        loop.execute {
                            seen.add(number, of: thread)
                            done.add()
                        }
                    }
                }
            }
        }
        await done.reaches(threads * each)
        #expect(seen.numbers == Array(repeating: Array(0..<each), count: threads))
    }

    @Test("Actor calls from many tasks all arrive")
    func actorCalls() async {
        let sum = Tally()
        await onLoop { actor in
            await withTaskGroup { group in
                for _ in 0..<2_000 {
                    group.addTask { @concurrent in await actor.run { _ in sum.add() } }
                }
            }
        }
        #expect(sum.value == 2_000)
    }

    @Test("A task that prefers its loop stays there through every wait, and wakes nobody else")
    func localJobs() async {
        let actor = LoopActor()
        let task = Task(executorPreference: actor.loop) {
            await actor.run { actor in
                let before = actor.loop.statistics
                for _ in 0..<100 {
                    await Task.yield()
                    try? await actor.loop.sleep(for: .zero)
                    #expect(actor.loop.isCurrent)
                }
                let after = actor.loop.statistics
                #expect(after.localJobs >= before.localJobs + 200)
                #expect(after.remoteJobs == before.remoteJobs)
                #expect(after.turns > before.turns)
            }
        }
        await task.value
    }

    @Test("A call from another thread is counted as such")
    func remoteJobs() async {
        let actor = LoopActor()
        await actor.run { _ in }
        let before = actor.loop.statistics.remoteJobs
        await actor.run { _ in }
        #expect(actor.loop.statistics.remoteJobs == before + 1)
    }

    @Test("The end of a turn comes once for each time it is asked for, after all jobs of the turn")
    func endOfTurn() async {
        await onLoop { actor in
            let ending = Ending()
            actor.loop.atEndOfTurn(ending)
            let inner = Task {
                await actor.run { _ in ending.add("job") }
            }
            #expect(ending.steps == [])
            await inner.value
            await ending.hasEnded(times: 1)
            #expect(ending.steps == ["job", "end"])
            actor.loop.atEndOfTurn(ending)
            actor.loop.atEndOfTurn(ending)
            await ending.hasEnded(times: 3)
            #expect(ending.steps == ["job", "end", "end", "end"])
        }
    }

    @Test("A task that never waits starves neither a timer, nor the end of a turn, nor other threads' work")
    func fairness() async {
        let actor = LoopActor()
        let task = Task(executorPreference: actor.loop) {
            await actor.run { actor in
                let ending = Ending()
                let fired = Tally()
                let timer = LoopTimer(on: actor.loop) { fired.add() }
                timer.start(after: .milliseconds(5))
                let calls = Tally()
                actor.loop.atEndOfTurn(ending)
                actor.loop.execute { calls.add() }
                // Were any of them starved, this would not end: there is always a job ready.
                while fired.value == 0 || ending.steps.isEmpty || calls.value == 0 { await Task.yield() }
                #expect(actor.loop.statistics.remoteJobs <= 2)
            }
        }
        await task.value
    }

    @Test("What a loop keeps of a type is made once")
    func locals() async {
        await onLoop { actor in
            let first = actor.loop.local(Ending.self) { Ending() }
            let second = actor.loop.local(Ending.self) { Ending() }
            #expect(first === second)
        }
    }

    @Test("A stopped loop ends its run")
    func stop() async {
        let loop = EventLoop()
        let ended = Tally()
        let runner = BlockingRunner()
        runner.run {
            loop.run()
            ended.add()
        }
        loop.stop()
        await ended.reaches(1)
    }
}

/// Notes the ends of turns.
private final class Ending: EndOfTurn, Sendable {
    private let noted = Mutex<[String]>([])

    var steps: [String] { noted.withLock { $0 } }

    func add(_ step: String) { noted.withLock { $0.append(step) } }

    func turnEnded() { add("end") }

    func hasEnded(times: Int) async {
        while steps.count(where: { $0 == "end" }) < times { await Task.yield() }
    }
}

/// Numbers that came from each of several threads.
private final class Order: Sendable {
    private let seen: Mutex<[[Int]]>

    init(_ threads: Int) { seen = Mutex(Array(repeating: [], count: threads)) }

    var numbers: [[Int]] { seen.withLock { $0 } }

    func add(_ number: Int, of thread: Int) { seen.withLock { $0[thread].append(number) } }
}
