import Core
import Persistence
import StoreConformance
import Testing

/// What every queue must do when workers die, sleep and fail.
@Suite("Any queue survives its workers", .timeLimit(.minutes(1)))
struct QueueFenceTests {
    static let verdicts: [Settlement.Verdict] = [
        .finish, .giveBack, .retry(after: .seconds(1), because: "late"), .bury(because: "late"),
    ]

    @Test(
        "A worker that slept past its lease settles nothing, whatever its verdict", arguments: QueueUnderTest.all,
        verdicts)
    func fence(kind: QueueUnderTest, verdict: Settlement.Verdict) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let sleeper = try await TestWorker(on: fixture.open())
        let other = try await TestWorker(on: fixture.open())
        try await queue.add("job")
        let lost = try #require(try await sleeper.lease(for: .seconds(30)))
        try await fixture.pass(.seconds(31))
        #expect(try await other.queue.reclaim() == Reclaimed(returned: 1))
        #expect(try await sleeper.queue.settle(lost.settlements(verdict)) == [], "nobody has it yet")
        let taken = try #require(try await other.lease())
        #expect(taken.jobs.first?.deliveries == 2)
        #expect(try await sleeper.queue.settle(lost.settlements(verdict)) == [])
        #expect(try await sleeper.queue.extend([lost.token], by: .seconds(30)) == [])
        let record = try await queue.job(taken.jobs[0].id)
        #expect(record.state == .leased && record.worker == other.liveness.worker && record.failures == [])
        #expect(try await other.queue.settle(taken.settlements(.finish)).count == 1)
        #expect(try await sleeper.queue.settle(lost.settlements(verdict)) == [], "it is gone")
        #expect(try await queue.statistics() == [])
    }

    @Test("What a dead worker held is free at once, and what a live one holds is not", arguments: QueueUnderTest.all)
    func liveness(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let dying = try await TestWorker(on: fixture.open())
        let living = try await TestWorker(on: fixture.open())
        for text in ["1", "2", "3"] { try await queue.add(text) }
        let lost = try #require(try await dying.lease(limit: 2))
        _ = try #require(try await living.lease(limit: 1))
        #expect(try await queue.reclaim() == Reclaimed())
        #expect(await dying.liveness.isHeld())
        await dying.die()
        #expect(await !dying.liveness.isHeld())
        #expect(try await queue.reclaim() == Reclaimed(returned: 2))
        #expect(try await queue.reclaim() == Reclaimed())
        #expect(try await queue.settle(lost.settlements(.finish)) == [])
        #expect(try await queue.all(.leased).map(\.worker) == [living.liveness.worker])
    }

    @Test("A lease that is extended holds, and only that one", arguments: QueueUnderTest.all)
    func extend(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        for text in ["1", "2", "3"] { try await queue.add(text) }
        let kept = try #require(try await worker.lease(limit: 1))
        let dropped = try #require(try await worker.lease(limit: 1))
        let done = try #require(try await worker.lease(limit: 1))
        try await queue.settle(done.settlements(.finish))
        for _ in 0..<5 {
            try await fixture.pass(.seconds(10))
            #expect(try await queue.extend([kept.token, done.token], by: .seconds(30)) == [kept.token])
        }
        #expect(try await queue.reclaim() == Reclaimed(returned: 1))
        #expect(try await queue.settle(kept.settlements(.finish)).count == 1)
        #expect(try await queue.settle(dropped.settlements(.finish)) == [])
        #expect(try await queue.extend([], by: .seconds(30)) == [])
    }

    @Test("A lease from before the machine's start is void", arguments: QueueUnderTest.all)
    func restart(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let worker = try await TestWorker(on: fixture.open())
        try await worker.queue.add("job")
        let lost = try #require(try await worker.lease(for: .seconds(100_000)))
        guard try await fixture.restartMachine() else { return }
        let queue = try await fixture.open()
        #expect(try await queue.reclaim() == Reclaimed(returned: 1))
        #expect(try await queue.settle(lost.settlements(.finish)) == [])
    }

    @Test("What a worker died over comes alone, then among others again", arguments: QueueUnderTest.all)
    func alone(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let dying = try await TestWorker(on: fixture.open())
        let living = try await TestWorker(on: fixture.open())
        for number in 1...4 { try await queue.add("\(number)") }
        #expect(try await dying.lease(limit: 2).texts == ["1", "2"])
        await dying.die()
        _ = try await queue.reclaim()
        let first = try #require(try await living.lease(limit: 10))
        #expect(Optional(first).texts == ["1"])
        try await queue.settle(first.settlements(.giveBack))
        #expect(try await queue.job(first.jobs[0].id).deliveries == 1, "a delivery given back does not count")
        #expect(try await living.lease(limit: 10).texts == ["1"])
        #expect(try await living.lease(limit: 10).texts == ["2"])
        #expect(try await living.lease(limit: 10).texts == ["3", "4"])
    }

    @Test("A job that five workers died over becomes a dead letter", arguments: QueueUnderTest.all)
    func crashLoop(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let job = try await queue.add("poison")
        for round in 1...JobRules.crashLoopDeliveries {
            let worker = try await TestWorker(on: fixture.open())
            #expect(try await worker.lease()?.jobs.first?.deliveries == round)
            await worker.die()
            let isLast = round == JobRules.crashLoopDeliveries
            #expect(try await queue.reclaim() == Reclaimed(returned: isLast ? 0 : 1, buried: isLast ? 1 : 0))
        }
        let record = try await queue.job(job.id)
        #expect(record.state == .dead && record.failures.last?.reason == .crashLoop && record.diedAt != nil)
        #expect(try await queue.reveal(job.id, by: "operator") == Array("poison".utf8))
    }

    @Test("A job that failed waits, and tells how often and why it did", arguments: QueueUnderTest.all)
    func retry(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        let job = try await queue.add("job")
        for attempt in 1...3 {
            let lease = try #require(try await worker.lease())
            #expect(lease.jobs[0].attempt == attempt - 1 && lease.jobs[0].deliveries == 1)
            #expect(lease.jobs[0].backoff == .seconds(10 * (attempt - 1)))
            let wait = Duration.seconds(10 * attempt)
            try await queue.settle(lease.settlements(.retry(after: wait, because: FailureReason("reason \(attempt)"))))
            #expect(try await worker.lease() == nil)
            try await fixture.pass(wait - .seconds(1))
            #expect(try await worker.lease() == nil)
            try await fixture.pass(.seconds(2))
        }
        let record = try await queue.job(job.id)
        #expect(record.attempt == 3 && record.state == .ready)
        #expect(record.failures.map(\.reason.description) == ["reason 1", "reason 2", "reason 3"])
        #expect(record.failures.map(\.at) == record.failures.map(\.at).sorted())
    }
}
