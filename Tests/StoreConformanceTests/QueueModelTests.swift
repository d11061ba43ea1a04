import Core
import Persistence
import StoreConformance
import TestSupport
import Testing

/// Random acts on a queue and on the plain one in memory, which must come to the same.
@Suite("Any queue does as the plain one does", .timeLimit(.minutes(1)))
struct QueueModelTests {
    private static let kinds: [JobKind] = [.saveTurn, .purge]

    @Test("after 100 random histories of 40 acts", arguments: QueueUnderTest.all)
    func random(kind: QueueUnderTest) async throws {
        for seed in 0..<100 {
            var run = try await Run(kind, seed: UInt64(seed))
            for _ in 0..<40 { try await run.act() }
            try await run.compare()
        }
    }

    /// One history on both.
    private struct Run {
        let seed: UInt64
        var random: SplitMix
        let fixtures: [any QueueFixture]
        let queues: [any JobQueue]
        var workers: [[TestWorker]] = [[], []]
        /// The same leases on both.
        var leases: [[Lease]] = []
        var jobs: [NewJob] = []

        init(_ kind: QueueUnderTest, seed: UInt64) async throws {
            self.seed = seed
            random = SplitMix(seed: seed)
            fixtures = [try await QueueUnderTest.memory.make(), try await kind.make()]
            queues = [try await fixtures[0].open(), try await fixtures[1].open()]
            for side in 0...1 {
                for _ in 0..<2 { workers[side].append(try await TestWorker(on: queues[side])) }
            }
        }

        mutating func act() async throws {
            switch Int.random(in: 0..<100, using: &random) {
            case ..<30: try await enqueue()
            case ..<55: try await lease()
            case ..<80: try await settle()
            case ..<88:
                let span = Duration.seconds(Int.random(in: 1...40, using: &random))
                for fixture in fixtures { try await fixture.pass(span) }
            case ..<94:
                let found = try await both { try await $0.reclaim() }
                #expect(found[0] == found[1], "seed \(seed)")
            case ..<96:
                let place = Int.random(in: 0...1, using: &random)
                for side in 0...1 {
                    await workers[side][place].die()
                    workers[side][place] = try await TestWorker(on: queues[side])
                }
            case ..<98:
                guard let job = jobs.randomElement(using: &random) else { return }
                let results = try await both { queue in
                    do throws(StoreError) { return try await queue.replay(job.id) ? "yes" : "no" } catch {
                        return "\(error)"
                    }
                }
                #expect(results[0] == results[1], "seed \(seed)")
            default:
                let results = try await both { try await $0.replayAll(.saveTurn) }
                #expect(results[0] == results[1], "seed \(seed)")
            }
        }

        private func both<Result>(_ body: (any JobQueue) async throws -> Result) async throws -> [Result] {
            [try await body(queues[0]), try await body(queues[1])]
        }

        private mutating func enqueue() async throws {
            let new = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                NewJob(
                    kind: kinds.randomElement(using: &random) ?? .saveTurn,
                    uniqueKey: Bool.random(using: &random) ? "key \(Int.random(in: 0..<6, using: &random))" : nil,
                    group: Bool.random(using: &random) ? "group \(Int.random(in: 0..<3, using: &random))" : nil,
                    priority: JobPriority.allCases.randomElement(using: &random) ?? .normal,
                    delay: .seconds(max(0, Int.random(in: -20...20, using: &random))),
                    payload: (0..<Int.random(in: 0..<9, using: &random)).map { UInt8($0) })
            }
            let again = jobs.randomElement(using: &random).map { [$0] } ?? []
            let added = try await both { try await $0.enqueue(new + again) }
            #expect(added[0] == added[1], "seed \(seed)")
            jobs += new
        }

        private mutating func lease() async throws {
            let kind = kinds.randomElement(using: &random) ?? .saveTurn
            let (place, limit) = (Int.random(in: 0...1, using: &random), Int.random(in: 1...4, using: &random))
            let taken = [
                try await workers[0][place].lease(kind, limit: limit),
                try await workers[1][place].lease(kind, limit: limit),
            ]
            #expect(taken[0]?.jobs.map(Plain.init) == taken[1]?.jobs.map(Plain.init), "seed \(seed)")
            if let one = taken[0], let other = taken[1] { leases.append([one, other]) }
        }

        private mutating func settle() async throws {
            guard let pair = leases.randomElement(using: &random) else { return }
            let wait = Duration.seconds(Int.random(in: 1...30, using: &random))
            let verdicts: [Settlement.Verdict] = [
                .finish, .giveBack, .retry(after: wait, because: "again"), .bury(because: "bad"),
            ]
            let chosen = pair[0].jobs.map { _ in verdicts.randomElement(using: &random) ?? .finish }
            var settled: [Set<JobID>] = []
            for (queue, lease) in zip(queues, pair) {
                settled.append(
                    try await queue.settle(
                        zip(lease.jobs, chosen).map { Settlement($0.id, lease.token, $1) }))
            }
            #expect(settled[0] == settled[1], "seed \(seed)")
        }

        func compare() async throws {
            for state in JobState.allCases {
                let records = try await both { try await $0.all(state, page: 7).map(Plain.init) }
                #expect(records[0] == records[1], "seed \(seed), \(state)")
            }
            let counts = try await both { queue in
                try await queue.statistics().map { "\($0.kind) \($0.due) \($0.delayed) \($0.leased) \($0.dead)" }
            }
            #expect(counts[0] == counts[1], "seed \(seed)")
        }

        private var kinds: [JobKind] { QueueModelTests.kinds }
    }

    /// What two queues must agree on of a job.
    private struct Plain: Equatable {
        var id: JobID
        var text: String
        var counts: [Int]
        var payload: [UInt8]?

        init(_ job: LeasedJob) {
            id = job.id
            text = "\(job.uniqueKey) \(job.backoff)"
            counts = [job.attempt, job.deliveries]
            payload = job.payload
        }

        init(_ record: JobRecord) {
            id = record.id
            text =
                "\(record.kind) \(record.state) \(record.uniqueKey) \(record.priority) \(record.failures.map(\.reason))"
            counts = [record.attempt, record.deliveries, record.dueAt == nil ? 0 : 1]
        }
    }
}
