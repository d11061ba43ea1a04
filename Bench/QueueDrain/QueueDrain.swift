import Core
import Encryption
import Jobs
import Persistence
import SQLite
import StoreSQLite
import Telemetry

/// How fast a worker drains a queue of turns that waited for their store.
///
/// queue-drain floor FILE ROWS BYTES        what the file gives a program that only leases, writes and deletes rows
/// queue-drain sqlite FILE ROWS BYTES       into a store in the same file
/// queue-drain postgres URL ROWS BYTES FILE into PostgreSQL, from a spool in a file
/// queue-drain depth FILE ROWS              leases and settles before 10,000 rows, and before so many
///
/// Prints JSON, which `Scripts/bench --queue` judges.
@main
struct QueueDrain {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4, let rows = Int(arguments[3]) else {
            fatalError("usage: queue-drain floor|sqlite|postgres|depth PLACE ROWS [BYTES] [FILE]")
        }
        let bytes = arguments.count > 4 ? Int(arguments[4]) ?? 2048 : 2048
        let place = arguments[2]
        switch arguments[1] {
        case "floor": tell(["rows_per_second": try await Floor(place, rows: rows, bytes: bytes).rate()])
        case "depth": tell(try await Depth(place, rows: rows).rates())
        default:
            let keyring = try newKeyring()
            let (store, queue) = try await open(arguments, keyring)
            tell(["rows_per_second": try await Drain(store, queue, rows: rows, bytes: bytes).rate()])
        }
    }

    static func newKeyring() throws -> Keyring {
        try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
    }

    private static func tell(_ figures: [String: Double]) {
        print(JSONValue.object(figures.mapValues { .double($0) }).jsonText)
    }
}

/// Seconds that something takes.
func seconds(_ body: () async throws -> Void) async rethrows -> Double {
    let begun = ContinuousClock.now
    try await body()
    return begun.duration(to: .now) / .seconds(1)
}

/// The product's own way: a worker, its handlers, a queue, a store.
struct Drain {
    private let store: any Store
    private let queue: any JobQueue
    private let rows: Int
    private let bytes: Int
    /// Users, whose turns are written one after the other.
    private static let users = 500

    init(_ store: any Store, _ queue: any JobQueue, rows: Int, bytes: Int) {
        self.store = store
        self.queue = queue
        self.rows = rows
        self.bytes = bytes
    }

    func rate() async throws -> Double {
        let turns = try await begunTurns()
        for start in stride(from: 0, to: turns.count, by: 500) {
            try await queue.enqueue(turns[start..<min(start + 500, turns.count)].map(\.job))
        }
        let worker = Worker(
            queue, [SaveTurn(to: store, from: queue)], WorkerSettings(), log: Log(level: .error, sink: { _ in }))
        let took = await seconds {
            async let run: Void = worker.run()
            while worker.counts.byKind[.saveTurn]?.finished ?? 0 < rows { try? await Task.sleep(for: .milliseconds(5)) }
            await worker.stop()
            await run
        }
        guard worker.counts.byKind[.saveTurn]?.suppressed == 0 else { fatalError("turns were saved before") }
        return Double(rows) / took
    }

    /// Answers of turns whose questions the store has.
    private func begunTurns() async throws -> [DeferredTurn] {
        let owners = (0..<Self.users).map { _ in UserID() }
        let text = String(repeating: "What was answered. ", count: bytes / 19 + 1).prefix(bytes)
        return try await withThrowingTaskGroup(of: [DeferredTurn].self) { group in
            for (number, owner) in owners.enumerated() {
                let count = rows / Self.users + (number < rows % Self.users ? 1 : 0)
                group.addTask { try await turns(count, of: owner, String(text)) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func turns(_ count: Int, of owner: UserID, _ text: String) async throws -> [DeferredTurn] {
        var turns: [DeferredTurn] = []
        for _ in 0..<count {
            let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "What is asked?")
            var answer = try await store.begin(NewTurn(owner: owner, subject: subject)).answer
            answer.text = text
            answer.state = .final
            answer.outcome = .complete
            answer.version = Message.finalVersion
            turns.append(DeferredTurn(messages: [answer]))
        }
        return turns
    }
}

/// Leasing and settling, without any work between, before few rows and before many.
struct Depth {
    private let path: String
    private let rows: Int
    private static let shallow = 10_000
    private static let batches = 40

    init(_ path: String, rows: Int) {
        self.path = path
        self.rows = rows
    }

    func rates() async throws -> [String: Double] {
        let queue = try await SQLiteQueue(try Database(Database.Settings(path: path)), try QueueDrain.newKeyring())
        let worker = try await queue.join().worker
        try await fill(queue, Self.shallow + Self.batches * 500)
        let few = try await rate(queue, worker)
        try await fill(queue, rows - Self.shallow + Self.batches * 500)
        let many = try await rate(queue, worker)
        let counting = try await seconds { _ = try await queue.statistics() }
        return ["shallow": few, "deep": many, "statistics_seconds": counting]
    }

    private func fill(_ queue: SQLiteQueue, _ count: Int) async throws {
        let payload = [UInt8](repeating: 7, count: 100)
        for start in stride(from: 0, to: count, by: 2000) {
            try await queue.enqueue(
                (start..<min(start + 2000, count)).map { number in
                    NewJob(kind: .saveTurn, group: "user \(number % 5000)", payload: payload)
                })
        }
    }

    private func rate(_ queue: SQLiteQueue, _ worker: WorkerID) async throws -> Double {
        let took = try await seconds {
            for _ in 0..<Self.batches {
                guard let lease = try await queue.lease(LeaseRequest(.saveTurn, limit: 500, worker: worker)) else {
                    fatalError("the queue is empty")
                }
                try await queue.settle(lease.jobs.map { Settlement($0.id, lease.token, .finish) })
            }
        }
        return Double(Self.batches * 500) / took
    }
}
