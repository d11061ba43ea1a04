import Jobs
import Persistence
import Settings
import Storage
import Synchronization
import Telemetry

/// One worker for each queue there is.
final class Crew: Sendable {
    let members: [Member]
    let store: any Store
    /// What the queues hold, looked at now and then: counting a million rows is not for every request.
    private let counts = Mutex<[(queue: String, kinds: [KindStatistics])]>([])
    private let figures = Mutex<StoreStatistics?>(nil)

    struct Member: Sendable {
        let name: String
        let queue: any JobQueue
        let worker: Worker
    }

    /// Between two looks at what the queues hold.
    private static let lookInterval = Duration.seconds(5)

    init(_ storage: Storage, _ settings: Settings, log: Log) {
        store = storage.store
        let queues = storage.queues
        let handlers: [any JobHandler] = [
            DescribeConversation(in: storage.store),
            Purge(in: storage.store, settings.retention) { Self.tell($0, log) },
            Reencrypt(storage.store, queues.map(\.queue)), Optimise(storage.store),
        ]
        members = queues.enumerated().map { index, named in
            var work = settings.worker.work
            // What comes again and again is scheduled in the first queue alone.
            if index > 0 { work.schedule = [] }
            return Member(
                name: named.name, queue: named.queue,
                worker: Worker(
                    named.queue, handlers + [SaveTurn(to: storage.store, from: named.queue)], work, log: log))
        }
    }

    private static func tell(_ counts: PurgeCounts, _ log: Log) {
        log.info(
            "purged",
            [
                .count("conversations", counts.conversations), .count("messages", counts.messages),
                .count("cases", counts.cases), .count("results", counts.results), .count("keys", counts.keys),
            ])
    }

    /// Works until ``stop()``.
    func run() async {
        // They have one target, the store: who finds it back spares the others the wait for their next try.
        for member in members {
            await member.worker.whenRecovered { [members] in
                for other in members where other.name != member.name { await other.worker.tryNow() }
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for member in members { group.addTask { await member.worker.run() } }
            group.addTask { await self.look() }
        }
    }

    func stop() async {
        await withTaskGroup(of: Void.self) { group in
            for member in members { group.addTask { await member.worker.stop() } }
        }
    }

    func giveUp() async {
        await withTaskGroup(of: Void.self) { group in
            for member in members { group.addTask { await member.worker.giveUp() } }
        }
    }

    // MARK: What there is

    /// By queue, as of the last look.
    var statistics: [(queue: String, kinds: [KindStatistics])] { counts.withLock { $0 } }

    /// Of the store, as of the last look; `nil` when it could not be reached.
    var storeStatistics: StoreStatistics? { figures.withLock { $0 } }

    private func look() async {
        while !Task.isCancelled {
            var all: [(queue: String, kinds: [KindStatistics])] = []
            for member in members {
                if let kinds = try? await member.queue.statistics() { all.append((member.name, kinds)) }
            }
            counts.withLock { $0 = all }
            let statistics = try? await store.statistics()
            figures.withLock { $0 = statistics }
            try? await Task.sleep(for: Self.lookInterval)
        }
    }
}
