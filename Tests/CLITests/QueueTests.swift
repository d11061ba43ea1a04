import Core
import Encryption
import Foundation
import JSON
import Persistence
import SQLite
import StoreSQLite
import TestSupport
import Testing

@Suite("medstream queue", .timeLimit(.minutes(1)))
struct QueueTests {
    private let folder: Folder
    private let config: String
    private let queue: SQLiteQueue

    private static let shipped = "include: \(Reference.packageRoot.appending(path: "config/medstream.yaml").path)\n"

    init() async throws {
        folder = try Folder()
        config = try folder.write("medstream.yaml", "\(Self.shipped)data_directory: store\n")
        try folder.write("store/here", "")
        let keyring = try Keyring.create(file: "\(folder.path)/store/keys")
        let database = try Database(Database.Settings(path: "\(folder.path)/store/medstream.sqlite"))
        queue = try await SQLiteQueue(database, keyring)
    }

    private func run(_ arguments: String..., config: String? = nil) async throws -> Execution.Result {
        try await Medstream.run(["queue"] + arguments + ["--config", config ?? self.config])
    }

    private func objects(_ result: Execution.Result) throws -> [JSONValue] {
        try result.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    /// Puts dead letters in.
    private func bury(_ texts: String..., kind: JobKind = .saveTurn) async throws -> [NewJob] {
        let jobs = texts.map { NewJob(kind: kind, uniqueKey: "key:\($0)", payload: Array("says \($0)".utf8)) }
        try await queue.enqueue(jobs)
        let worker = try await queue.join()
        let lease = try #require(
            try await queue.lease(LeaseRequest(kind, limit: 99, worker: worker.worker)))
        try await queue.settle(lease.jobs.map { Settlement($0.id, lease.token, .bury(because: "it is bad")) })
        return jobs
    }

    @Test("stats counts by kind, as a table and as objects")
    func stats() async throws {
        _ = try await bury("a", "b")
        try await queue.enqueue([
            NewJob(kind: .purge), NewJob(kind: .purge, delay: .seconds(1000)),
        ])
        let table = try await run("stats")
        #expect(table.code == 0)
        #expect(
            table.output.contains(/store +purge +1 +1 +0 +0/) && table.output.contains(/store +save_turn +0 +0 +0 +2/))
        let objects = try objects(try await run("stats", "--json"))
        #expect(objects.map { $0["kind"]?.string } == ["purge", "save_turn"])
        #expect(objects[0]["delayed"] == 1 && objects[1]["dead"] == 2 && objects[0]["oldest"]?.string != nil)
    }

    @Test("While the database is away the spool is looked after, and said to be all that is seen")
    func spool() async throws {
        let store = "{store: postgres, url: \"postgresql://me@127.0.0.1:1/it\"}"
        let away = try folder.write("away.yaml", "\(Self.shipped)data_directory: store\npersistence: \(store)\n")
        let none = try await run("stats", config: away)
        #expect(none.code == 69 && none.output == "")
        let keyring = try Keyring(file: "\(folder.path)/store/keys")
        let database = try Database(Database.Settings(path: "\(folder.path)/store/spool.sqlite"))
        let job = NewJob(kind: .saveTurn, payload: Array("a turn".utf8))
        try await SQLiteQueue(database, keyring).enqueue([job])
        let told = try await run("stats", config: away)
        #expect(told.code == 69)
        #expect(told.output.contains(/spool +save_turn +1 +0 +0 +0/))
        #expect(told.errors.contains("127.0.0.1:1") && told.errors.contains("spool"))
        #expect(try await run("show", job.id.text, config: away).code == 0)
        #expect(try await run("show", JobID().text, config: away).code == 69)
        await database.close()
    }

    @Test("list and show tell why a job is dead, and what it holds when asked to, which is written down")
    func show() async throws {
        let job = try await bury("a")[0]
        #expect(try await run("list").output.contains(/save_turn +1 .*it is bad/))
        #expect(try await run("list", "--state", "ready").output == "No job is ready.\n")
        #expect(try objects(try await run("list", "--json")).map { $0["id"]?.string } == [job.id.text])
        #expect(try await run("list", "--kind", "purge", "--json").output == "")
        let plain = try await run("show", job.id.text)
        #expect(plain.output.contains("it is bad") && plain.output.contains("key:a"))
        #expect(!plain.output.contains("says a"))
        #expect(try await queue.audit(limit: 9).isEmpty)
        let whole = try objects(try await run("show", job.id.text, "--payload", "--json"))
        #expect(whole[0]["payload"] == "says a" && whole[0]["failures"]?.array?.count == 1)
        #expect(try await queue.audit(limit: 9).map(\.action) == [.reveal])
        #expect(try await run("audit").output.contains("reveal"))
        let none = try await run("show", JobID().text)
        #expect(none.code == 1 && none.errors.contains("there is no such job"))
    }

    @Test("replay puts one back, replay-all those of a kind")
    func replay() async throws {
        let jobs = try await bury("a", "b", "c")
        _ = try await bury("p", kind: .purge)
        #expect(try await run("replay", jobs[0].id.text).output == "\(jobs[0].id): back in the queue\n")
        #expect(try await run("replay", jobs[0].id.text).code == 1)
        let all = try objects(try await run("replay-all", "--kind", "save_turn", "--json"))
        #expect(all == [["kind": "save_turn", "replayed": 2]])
        #expect(try await queue.jobs(in: .dead, of: nil, after: nil, limit: 9).items.map(\.kind) == [.purge])
        #expect(try await run("replay-all").code == 64)
        #expect(try await run("replay-all", "--kind", "Save Turn").code == 64)
    }

    @Test("drop does nothing without --yes, and then writes down who did it")
    func drop() async throws {
        let job = try await bury("a")[0]
        let refused = try await run("drop", job.id.text)
        #expect(refused.code == 64 && refused.errors.contains("--yes"))
        #expect(try await queue.job(job.id).state == .dead)
        #expect(try await run("drop", job.id.text, "--yes").code == 0)
        #expect(try await queue.jobs(in: .dead, of: nil, after: nil, limit: 9).items == [])
        let audit = try objects(try await run("audit", "--json"))
        #expect(audit.map { $0["action"]?.string } == ["drop"] && audit[0]["job"]?.string == job.id.text)
        #expect(audit[0]["actor"]?.string?.isEmpty == false)
        #expect(try await run("drop", job.id.text, "--yes").code == 1)
    }

    @Test("where there is no queue it says so and makes none")
    func missing() async throws {
        let elsewhere = try folder.write(
            "other.yaml", "\(Self.shipped)data_directory: store\npersistence: { path: none.sqlite }\n")
        let result = try await run("stats", config: elsewhere)
        #expect(result.code == 78 && result.errors.contains("none.sqlite"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/store/none.sqlite"))
        let memory = try folder.write(
            "memory.yaml", "\(Self.shipped)data_directory: store\npersistence: { store: memory }\n")
        #expect(try await run("stats", config: memory).code == 78)
    }
}
