import Core
import Persistence
import StoreConformance
import Testing

/// What every queue must do for its operators.
@Suite("Any queue can be looked after", .timeLimit(.minutes(1)))
struct QueueCareTests {
    @Test(
        "A dead letter keeps all, and comes back under its old key", arguments: QueueUnderTest.all,
        [("group", .normal), (nil, .high)] as [(String?, JobPriority)])
    func replay(kind: QueueUnderTest, sort: (group: String?, priority: JobPriority)) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        let job = try await queue.add("job", key: "key", group: sort.group, priority: sort.priority)
        let lease = try #require(try await worker.lease())
        try await queue.settle(lease.settlements(.bury(because: "bad")))
        #expect(try await worker.lease() == nil)
        let dead = try await queue.job(job.id)
        #expect(dead.state == .dead && dead.uniqueKey == "key")
        #expect(dead.group == sort.group && dead.priority == sort.priority)
        #expect(dead.attempt == 1 && dead.failures.map(\.reason) == ["bad"] && dead.payloadBytes > 0)

        #expect(try await queue.job(withKey: "key").id == job.id)
        let twin = try await queue.add("twin", key: "key")
        #expect(try await queue.job(withKey: "key").id == twin.id, "the living before the dead")
        #expect(try await queue.replay(job.id) == false, "its key is in use")
        #expect(try await queue.job(job.id).state == .dead)
        try await queue.settle(#require(try await worker.lease()).settlements(.finish))
        #expect(await refusal { try await queue.job(twin.id) } == .notFound)

        #expect(try await queue.enqueue([job]) == 0, "the queue has it, if dead")
        #expect(try await queue.replay(job.id))
        #expect(await refusal { try await queue.replay(job.id) } == .notFound)
        let again = try #require(try await worker.lease()?.jobs.first)
        #expect(again.id == job.id && again.uniqueKey == "key" && again.attempt == 0 && again.deliveries == 1)
        #expect(again.payload == job.payload && again.createdAt == dead.createdAt)
        #expect(try await queue.job(job.id).failures.map(\.reason) == ["bad"], "its history stays")
    }

    @Test("All dead letters of one kind come back, and those of another do not", arguments: QueueUnderTest.all)
    func replayAll(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        for number in 1...3 { try await queue.add("\(number)", key: "\(number)") }
        try await queue.add("other", kind: .purge)
        for kind in [JobKind.saveTurn, .purge] {
            try await queue.settle(#require(try await worker.lease(kind)).settlements(.bury(because: "bad")))
        }
        try await queue.add("2 again", key: "2")
        #expect(try await queue.replayAll(.saveTurn) == 2)
        #expect(try await worker.lease().texts == ["2 again", "1", "3"])
        #expect(Set(try await queue.all(.dead).map(\.kind)) == [.saveTurn, .purge])
        #expect(try await queue.replayAll(.optimise) == 0)
    }

    @Test("What is dropped is gone, and who dropped it is written down", arguments: QueueUnderTest.all)
    func drop(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        let job = try await queue.add("secret")
        #expect(await refusal { try await queue.drop(job.id, by: "ann") } == .notFound, "it is no dead letter")
        try await queue.settle(#require(try await worker.lease()).settlements(.bury(because: "bad")))
        #expect(try await queue.audit(limit: 9) == [])
        #expect(try await queue.reveal(job.id, by: "ann") == Array("secret".utf8))
        try await fixture.pass(.seconds(1))
        try await queue.drop(job.id, by: "bob")
        #expect(await refusal { try await queue.job(job.id) } == .notFound)
        #expect(await refusal { try await queue.drop(job.id, by: "bob") } == .notFound)
        #expect(await refusal { try await queue.reveal(job.id, by: "bob") } == .notFound)
        #expect(await refusal { try await queue.replay(job.id) } == .notFound)
        let audit = try await queue.audit(limit: 9)
        #expect(audit.map(\.action) == [.drop, .reveal] && audit.map(\.actor) == ["bob", "ann"])
        #expect(audit.allSatisfy { $0.job == job.id && $0.kind == .saveTurn })
        #expect(try await queue.audit(limit: 1).map(\.action) == [.drop])
    }

    @Test("Who is forgotten leaves nothing behind, in whatever state", arguments: QueueUnderTest.all)
    func forget(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        for number in 1...2 { try await queue.add("\(number)", group: "gone") }
        let lease = try #require(try await worker.lease(limit: 1))
        try await queue.settle(lease.settlements(.bury(because: "bad")))
        let held = try #require(try await worker.lease(limit: 1))
        try await queue.add("3", group: "gone")
        try await queue.add("4", group: "other")
        try await queue.add("5")
        #expect(try await queue.forget(group: "gone") == 3)
        #expect(try await queue.settle(held.settlements(.finish)) == [])
        #expect(try await worker.lease().texts == ["4", "5"])
        #expect(try await queue.all(.dead) == [])
    }

    @Test("Jobs are listed by state and kind, page by page", arguments: QueueUnderTest.all)
    func list(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        var jobs: [NewJob] = []
        for number in 0..<7 {
            jobs.append(try await queue.add("\(number)", kind: number % 2 == 0 ? .saveTurn : .purge))
        }
        let ids = jobs.map(\.id).sorted { $0.text < $1.text }
        #expect(try await queue.all(.ready, page: 3).map(\.id) == ids)
        let even = Set(jobs.indices.filter { $0 % 2 == 0 }.map { jobs[$0].id })
        #expect(try await queue.all(.ready, of: .saveTurn, page: 3).map(\.id) == ids.filter(even.contains))
        let lease = try #require(try await worker.lease(limit: 2))
        #expect(Set(try await queue.all(.leased).map(\.id)) == Set(lease.jobs.map(\.id)))
        #expect(try await queue.all(.ready).count == 5)
        #expect(try await queue.all(.dead) == [])
        #expect(await refusal { try await queue.jobs(in: .ready, of: nil, after: "x", limit: 1) } == .notFound)
        #expect(await refusal { try await queue.job(JobID()) } == .notFound)
        #expect(try await queue.job(withKey: jobs[0].uniqueKey).id == jobs[0].id)
        #expect(await refusal { try await queue.job(withKey: "none") } == .notFound)
    }

    @Test("The counts are those of the jobs there are", arguments: QueueUnderTest.all)
    func statistics(kind: QueueUnderTest) async throws {
        let fixture = try await kind.make()
        let queue = try await fixture.open()
        let worker = try await TestWorker(on: fixture.open())
        let first = try await queue.add("1")
        try await fixture.pass(.seconds(5))
        for text in ["2", "3"] { try await queue.add(text) }
        try await queue.add("4", delay: .seconds(100))
        try await queue.add("5", kind: .purge)
        try await queue.settle(#require(try await worker.lease(.purge)).settlements(.bury(because: "bad")))
        _ = try await worker.lease(limit: 1)
        let all = try await queue.statistics()
        #expect(all.map(\.kind) == [.purge, .saveTurn])
        #expect(all[0] == KindStatistics(.purge, dead: 1))
        #expect([all[1].due, all[1].delayed, all[1].leased, all[1].dead] == [2, 1, 1, 0])
        #expect(all[1].oldest == (try await queue.job(first.id).createdAt) && all[1].oldestLease != nil)
        #expect(try #require(all[1].oldestLease) > all[1].oldest ?? .now)
    }
}
