import Core
import Persistence
import StoreConformance
import Testing

/// What every queue must do for those who put in and those who take out.
@Suite("Any queue delivers", .timeLimit(.minutes(1)))
struct QueueDeliveryTests {
    @Test("Jobs come in the order they were put in, whole, and once", arguments: QueueUnderTest.all)
    func order(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        #expect(try await worker.lease() == nil)
        let payloads: [[UInt8]] = [[], [0], Array(0...255), Array(repeating: 0xC3, count: 1 << 20), Array("ä".utf8)]
        let jobs = payloads.map { NewJob(kind: .saveTurn, payload: $0) }
        #expect(try await queue.enqueue(jobs) == jobs.count)
        let first = try #require(try await worker.lease(limit: 2))
        let second = try #require(try await worker.lease(limit: 9))
        let taken = first.jobs + second.jobs
        #expect(first.jobs.count == 2 && first.token != second.token)
        #expect(taken.map(\.payload) == payloads.map { $0 })
        #expect(taken.map(\.id) == jobs.map(\.id) && taken.map(\.uniqueKey) == jobs.map(\.id.text))
        #expect(taken.allSatisfy { $0.group == nil && $0.attempt == 0 && $0.deliveries == 1 && $0.kind == .saveTurn })
        #expect(try await worker.lease() == nil)
        let all = first.settlements(.finish) + second.settlements(.finish)
        #expect(try await queue.settle(all) == Set(jobs.map(\.id)))
        #expect(try await queue.settle(all) == [])
        #expect(try await queue.statistics() == [])
    }

    @Test("A job that is in the queue is not put in again, by its id or its key", arguments: QueueUnderTest.all)
    func unique(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        let job = NewJob(kind: .saveTurn, uniqueKey: "a")
        let twin = NewJob(kind: .saveTurn, uniqueKey: "a")
        let other = NewJob(kind: .saveTurn, uniqueKey: "b")
        #expect(try await queue.enqueue([job, twin, job, other]) == 2)
        #expect(try await queue.enqueue([twin]) == 0)
        let lease = try #require(try await worker.lease(limit: 1))
        #expect(lease.jobs.map(\.id) == [job.id])
        #expect(try await queue.enqueue([twin]) == 0, "it is being worked on")
        try await queue.settle(lease.settlements(.finish))
        #expect(try await queue.enqueue([twin]) == 1)
        #expect(try await queue.enqueue([]) == 0)
    }

    @Test("What is urgent comes first, and each kind by itself", arguments: QueueUnderTest.all)
    func priorities(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        for (text, priority) in [("1", JobPriority.low), ("2", .normal), ("3", .high), ("4", .low), ("5", .high)] {
            try await queue.add(text, priority: priority)
        }
        try await queue.add("other", kind: .purge, priority: .high)
        #expect(try await worker.lease(limit: 3).texts == ["3", "5", "2"])
        #expect(try await worker.lease().texts == ["1", "4"])
        #expect(try await worker.lease(.purge).texts == ["other"])
    }

    @Test("A delayed job comes when its time has come, before those that did not wait", arguments: QueueUnderTest.all)
    func delayed(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        let late = try await queue.add("late", delay: .seconds(60))
        try await queue.add("soon", delay: .seconds(30))
        try await queue.add("now")
        #expect(try await queue.job(late.id).dueAt != nil)
        #expect(try await worker.lease(limit: 1).texts == ["now"])
        #expect(try await worker.lease() == nil)
        try await fixture.pass(.seconds(31))
        try await queue.add("new")
        #expect(try await worker.lease().texts == ["soon", "new"])
        try await fixture.pass(.seconds(31))
        #expect(try await worker.lease().texts == ["late"])
    }

    @Test(
        "What one user wrote is worked on in its order, one at a time over all workers", arguments: QueueUnderTest.all)
    func groups(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let one = try await TestWorker(on: fixture.open())
        let other = try await TestWorker(on: fixture.open())
        for text in ["a1", "b1", "a2", "b2", "a3"] { try await queue.add(text, group: String(text.prefix(1))) }
        try await queue.add("p1", kind: .purge, group: "a")
        try await queue.add("p2", kind: .purge, group: "a")
        let first = try #require(try await one.lease(limit: 1))
        #expect(Optional(first).texts == ["a1"])
        let second = try #require(try await other.lease(limit: 9))
        #expect(Optional(second).texts == ["b1", "b2"], "a2 waits for a1, and b2 is behind b1 in the same hands")
        #expect(second.jobs.allSatisfy { $0.group == "b" })
        #expect(try await one.lease() == nil)
        #expect(try await one.lease(.purge, limit: 1).texts == ["p1"])
        #expect(try await other.lease(.purge, limit: 1).texts == ["p2"], "the order of other kinds does not count")
        try await queue.settle(first.settlements(.retry(after: .seconds(10), because: "bad")))
        #expect(try await one.lease() == nil, "a2 waits for a1, which waits")
        try await fixture.pass(.seconds(11))
        let again = try #require(try await one.lease(limit: 2))
        #expect(Optional(again).texts == ["a1", "a2"])
        try await queue.settle([
            Settlement(again.jobs[0].id, again.token, .bury(because: "bad")),
            Settlement(again.jobs[1].id, again.token, .giveBack),
        ])
        #expect(try await other.lease().texts == ["a2", "a3"], "a dead letter holds nobody up")
    }

    @Test("A wall clock that is set changes no lease, and holds no job back", arguments: QueueUnderTest.all)
    func wallClock(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        try await queue.add("held")
        #expect(try await worker.lease().texts == ["held"])
        guard try await fixture.setWallClock(by: .seconds(3600)) else { return }
        #expect(try await queue.reclaim() == Reclaimed(), "a jump forwards ends no lease")
        try await queue.add("at once")
        try await queue.add("delayed", delay: .seconds(100))
        _ = try await fixture.setWallClock(by: .seconds(-7200))
        _ = try await queue.reclaim()
        #expect(try await worker.lease().texts == ["delayed", "at once"], "further ahead than it was to wait: due")
        try await fixture.pass(.seconds(29))
        #expect(try await queue.reclaim() == Reclaimed(), "nor does a jump back prolong one")
        try await fixture.pass(.seconds(2))
        #expect(try await queue.reclaim() == Reclaimed(returned: 3))
    }

    @Test("Many who put in and many who take out lose none and share none", arguments: QueueUnderTest.all)
    func crowd(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let (producers, each) = (8, 25)
        let done = try await withThrowingTaskGroup(of: [JobID].self) { group in
            for _ in 0..<producers {
                group.addTask {
                    let queue = try await fixture.open()
                    for _ in 0..<each { try await queue.add("x") }
                    return []
                }
            }
            for number in 0..<4 {
                group.addTask {
                    let worker = try await TestWorker(on: fixture.open())
                    var done: [JobID] = []
                    while done.count < producers * each {
                        guard let lease = try await worker.lease(limit: number + 1) else {
                            let isEmpty = try await worker.queue.statistics().isEmpty
                            if isEmpty, !done.isEmpty || number > 0 { break }
                            await Task.yield()
                            continue
                        }
                        done += try await worker.queue.settle(lease.settlements(.finish))
                    }
                    return done
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let queue = try await fixture.open()
        let rest = try await TestWorker(on: queue)
        var left: [JobID] = []
        while let lease = try await rest.lease() { left += try await queue.settle(lease.settlements(.finish)) }
        #expect(done.count + left.count == producers * each)
        #expect(Set(done + left).count == producers * each)
    }
}
