import Core
import Jobs
import Persistence
import Telemetry
import TestSupport
import Testing

@Suite("A worker", .timeLimit(.minutes(1)))
struct WorkerTests {
    private let queue = InMemoryQueue()

    /// Runs a worker for as long as `body` takes, then stops it.
    private func working(
        _ handlers: [any JobHandler], _ settings: WorkerSettings = .quick, on queue: (any JobQueue)? = nil,
        _ body: (Worker) async throws -> Void
    ) async throws {
        let worker = Worker(queue ?? self.queue, handlers, settings, log: .silent)
        async let run: Void = worker.run()
        do { try await body(worker) } catch {
            await worker.stop()
            throw error
        }
        await worker.stop()
        await run
    }

    @Test("works on every job once, each kind by its handler, and leaves those it does not know")
    func drains() async throws {
        let (saves, purges) = (ScriptedHandler(.saveTurn), ScriptedHandler(.purge))
        try await queue.add((0..<300).map(String.init))
        try await queue.add(["p"], kind: .purge)
        try await queue.add(["o"], kind: .optimise)
        try await working([saves, purges]) { worker in
            await saves.calls.reaches(300)
            await purges.calls.reaches(1)
            await worker.stop()
            #expect(worker.counts.byKind[.saveTurn]?.finished == 300)
        }
        #expect(saves.order.sorted() == (0..<300).map(String.init).sorted() && purges.order == ["p"])
        #expect(try await queue.statistics().map(\.kind) == [.optimise])
    }

    @Test("works on as many at once as it may, and on those of one user one after the other")
    func concurrency() async throws {
        var settings = WorkerSettings.quick
        settings.concurrency[.saveTurn] = 7
        let door = Door()
        let handler = ScriptedHandler { job in
            if job.group == nil { await door.pass() }
            return .done
        }
        try await queue.add((0..<20).map(String.init))
        try await working([handler], settings) { _ in
            await door.arrivals.reaches(7)
            for _ in 0..<100 { await Task.yield() }
            #expect(handler.most == 7)
            door.open()
            try await queue.drained()
        }
        #expect(handler.most == 7)
        let ordered = ScriptedHandler()
        try await queue.add((0..<50).map(String.init), group: "user")
        try await working([ordered], settings) { _ in try await queue.drained() }
        #expect(ordered.order == (0..<50).map(String.init) && ordered.most == 1)
    }

    @Test("counts no outage against a job, tries one at a time meanwhile, and then all")
    func outage() async throws {
        let isBack = Switch()
        let handler = ScriptedHandler { _ throws(JobError) in
            if !isBack.isOn { throw .outage(Down()) }
            return .done
        }
        try await queue.add((0..<100).map(String.init))
        try await working([handler]) { worker in
            try await wait(while: worker.counts.outages < 140)
            #expect(await worker.breakerOpenings == 1)
            let jobs = try await queue.jobs(in: .ready, of: nil, after: nil, limit: 200).items
            #expect(jobs.allSatisfy { $0.attempt == 0 && $0.failures.isEmpty && $0.deliveries == 0 })
            isBack.isOn = true
            try await queue.drained()
            // A worker counts after it has settled.
            try await wait(while: worker.counts.byKind[.saveTurn]?.finished != 100)
            #expect(await worker.breakerState == .closed)
        }
        #expect(try await queue.statistics() == [])
    }

    @Test("tries at once when somebody else reached the target, and has others told when it does")
    func tryNow() async throws {
        var settings = WorkerSettings.quick
        settings.breaker.failures = 1
        settings.breaker.shortestWait = .seconds(3600)
        settings.breaker.longestWait = .seconds(3600)
        let (isBack, told) = (Switch(), Tally())
        let handler = ScriptedHandler { _ throws(JobError) in
            if !isBack.isOn { throw .outage(Down()) }
            return .done
        }
        try await queue.add(["1"])
        try await working([handler], settings) { worker in
            await worker.whenRecovered { told.add() }
            try await wait(while: await worker.breakerOpenings == 0)
            isBack.isOn = true
            await worker.tryNow()
            try await queue.drained()
            await told.reaches(1)
        }
    }

    @Test("buries a job that fails again and again with its reason, and works on the others")
    func poison() async throws {
        var settings = WorkerSettings.quick
        settings.retry.shortestBackoff = .microseconds(1)
        settings.retry.longestBackoff = .microseconds(2)
        let handler = ScriptedHandler { job throws(JobError) in
            switch job.payload.map({ String(decoding: $0, as: UTF8.self) }) {
            case "bad": throw .failed("it is bad", canHeal: true)
            case "hopeless": throw .failed("it is hopeless", canHeal: false)
            default: return .done
            }
        }
        try await queue.add(["1", "bad", "2", "hopeless", "3"])
        try await working([handler], settings) { worker in
            try await wait(while: worker.counts.byKind[.saveTurn]?.buried != 2)
            try await wait(while: worker.counts.byKind[.saveTurn]?.finished != 3)
        }
        let dead = try await queue.jobs(in: .dead, of: nil, after: nil, limit: 9).items
        let attempts = Dictionary(uniqueKeysWithValues: dead.map { ($0.failures[0].reason.description, $0.attempt) })
        #expect(attempts == ["it is bad": 12, "it is hopeless": 3])
        #expect(dead.allSatisfy { $0.failures.count == $0.attempt })
    }

    @Test("gives back what it has not begun when it is told to stop, and lets the rest end")
    func stops() async throws {
        var settings = WorkerSettings.quick
        settings.concurrency[.saveTurn] = 3
        let door = Door()
        let handler = ScriptedHandler { _ in
            await door.pass()
            return .done
        }
        try await queue.add((0..<10).map(String.init))
        let worker = Worker(queue, [handler], settings, log: .silent)
        async let run: Void = worker.run()
        await door.arrivals.reaches(3)
        async let stop: Void = worker.stop()
        // The door opens once the worker has heard of the stop.
        try await wait(while: await !worker.isStopping)
        door.open()
        await stop
        await run
        #expect(worker.counts.byKind[.saveTurn]?.finished == 3)
        let left = try await queue.jobs(in: .ready, of: nil, after: nil, limit: 99).items
        #expect(left.count == 7 && left.allSatisfy { $0.deliveries == 0 })
    }

    @Test("gives back what runs when the drain time is over, and settles none of it afterwards")
    func givesUp() async throws {
        let clock = ManualClock()
        let stuck = Door()
        let handler = ScriptedHandler { _ in
            // Heeds no cancellation.
            await Task { await stuck.pass() }.value
            return .done
        }
        try await queue.add(["stuck"])
        let worker = Worker(queue, [handler], WorkerSettings(), clock: clock, log: .silent)
        async let run: Void = worker.run()
        await stuck.arrivals.reaches(1)
        async let stop: Void = worker.stop()
        try await wait(while: await !worker.isStopping)
        // Until the drain time is over, whoever sleeps meanwhile.
        while try await queue.statistics().contains(where: { $0.leased > 0 }) {
            clock.advance(by: .seconds(1))
            await Task.yield()
        }
        await stop
        #expect(try await queue.jobs(in: .ready, of: nil, after: nil, limit: 9).items.map(\.deliveries) == [0])
        stuck.open()
        await run
        #expect(worker.counts.byKind[.saveTurn]?.finished ?? 0 == 0 && worker.counts.byKind[.saveTurn]?.lost == 1)
        #expect(try await queue.statistics().map(\.due) == [1])
    }

    @Test("extends its leases while it works, and stops working when one is lost")
    func heartbeat() async throws {
        let clock = ManualClock()
        let start = clock.now
        // What the queue's clock is ahead of the worker's, as when the worker was stopped for a while.
        let ahead = Tally()
        let sinceStart: @Sendable () -> Duration = { start.duration(to: clock.now) + .seconds(ahead.value) }
        let queue = InMemoryQueue(
            clock: QueueClock(
                wall: { Timestamp(milliseconds: 0) + sinceStart() }, sinceBoot: sinceStart, bootID: "boot"))
        let door = Door()
        let handler = ScriptedHandler(.purge) { _ throws(JobError) in
            await door.pass()
            if Task.isCancelled { throw .interrupted }
            return .done
        }
        try await queue.add(["long"], kind: .purge)
        let worker = Worker(queue, [handler], WorkerSettings(), clock: clock, log: .silent)
        async let run: Void = worker.run()
        await door.arrivals.reaches(1)
        for _ in 0..<12 {
            // Those who keep alive and look around: when both sleep, the lease has been extended.
            await clock.sleepers(2)
            clock.advance(by: .seconds(10))
        }
        await clock.sleepers(2)
        #expect(try await queue.reclaim() == Reclaimed())
        ahead.add(31)
        let thief = try await queue.join()
        #expect(try await queue.reclaim() == Reclaimed(returned: 1))
        #expect(try await queue.lease(LeaseRequest(.purge, limit: 1, worker: thief.worker)) != nil)
        clock.advance(by: .seconds(10))
        await handler.calls.reaches(1)
        #expect(worker.counts.lostLeases == 1)
        await worker.stop()
        await run
        #expect(worker.counts.byKind[.purge]?.givenBack ?? 0 == 0)
        #expect(try await queue.jobs(in: .leased, of: nil, after: nil, limit: 9).items.map(\.worker) == [thief.worker])
    }

    @Test("repeats what comes again and again, once for all workers, each time after its interval")
    func periodic() async throws {
        var settings = WorkerSettings.quick
        settings.schedule = [PeriodicJob(.purge, every: .milliseconds(1))]
        let handler = ScriptedHandler(.purge)
        try await working([handler], settings) { _ in
            try await working([handler], settings) { _ in await handler.calls.reaches(5) }
        }
        #expect(handler.most == 1)
        let left = try await queue.jobs(in: .ready, of: .purge, after: nil, limit: 9).items
        #expect(left.count == 1, "the next one waits")
    }

    @Test("frees what a dead worker held, and tells an effect that was there already")
    func takesOver() async throws {
        try await queue.add(["half done"])
        let dead = try await queue.join()
        _ = try await queue.lease(LeaseRequest(.saveTurn, limit: 9, worker: dead.worker))
        await dead.leave()
        let handler = ScriptedHandler { _ in .alreadyDone }
        try await working([handler]) { worker in
            await handler.calls.reaches(1)
            try await queue.drained()
            #expect(worker.counts.reclaimed == Reclaimed(returned: 1))
            #expect(worker.counts.byKind[.saveTurn]?.suppressed == 1)
        }
    }

    @Test("goes on when the queue itself comes back")
    func queueOutage() async throws {
        let flaky = FlakyQueue(queue)
        try await queue.add(["1", "2"])
        flaky.isDown.isOn = true
        let handler = ScriptedHandler()
        try await working([handler], on: flaky) { worker in
            try await wait(while: worker.counts.outages < 10)
            #expect(handler.order == [])
            flaky.isDown.isOn = false
            await handler.calls.reaches(2)
            try await queue.drained()
            #expect(await worker.breakerState == .closed)
        }
    }
}

private struct Down: Error {}
