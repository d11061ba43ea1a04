import Core
import Encryption
import Foundation
import Persistence
import SQLite
import StoreSQLite
import TestSupport
import Testing

/// What only a queue in a file can get wrong.
@Suite("A queue in a file", .timeLimit(.minutes(1)))
struct QueueFileTests {
    private let folder: Folder
    private let keyring: Keyring
    private var path: String { "\(folder.path)/queue.sqlite" }
    private var locks: String { "\(path).workers" }

    init() throws {
        folder = try Folder()
        keyring = try Self.newKeyring()
    }

    private static func newKeyring() throws -> Keyring {
        try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
    }

    private func open(_ keyring: Keyring? = nil) async throws -> SQLiteQueue {
        try await SQLiteQueue(try Database(Database.Settings(path: path)), keyring ?? self.keyring)
    }

    @Test("finds its rows by an index in every statement that runs all the time")
    func plans() async throws {
        let queue = try await open()
        _ = try await queue.statistics()
        let database = try Database(Database.Settings(path: path))
        for sql in QueueStatements.onJobs {
            let question = SQL(unchecked: "EXPLAIN QUERY PLAN " + sql.text.replacing(/\?[0-9]*/, with: "1"))
            let steps = try await database.read { transaction in
                try transaction.rows(question) { row in try row.text(3) }
            }
            for step in steps {
                #expect(!step.hasPrefix("SCAN job") && !step.contains("TEMP B-TREE"), "\(sql.text): \(step)")
            }
            #expect(!steps.isEmpty || sql.text.hasPrefix("INSERT"), "\(sql.text)")
        }
        for sql in SQLiteQueue.counts.prefix(2) {
            let question = SQL(unchecked: "EXPLAIN QUERY PLAN " + sql.text.replacing(/\?[0-9]*/, with: "1"))
            let steps = try await database.read { transaction in
                try transaction.rows(question) { row in try row.text(3) }
            }
            #expect(
                steps.contains { $0.contains("USING COVERING INDEX job_due") || $0.contains("job_leased") }, "\(steps)")
        }
    }

    @Test("shows nobody what a job holds")
    func sealed() async throws {
        let canary = "canary-\(UUID().uuidString)"
        let queue = try await open()
        let worker = try await queue.join()
        let jobs = (0..<3).map { _ in NewJob(kind: .saveTurn, payload: Array(canary.utf8)) }
        try await queue.enqueue(jobs)
        let lease = try #require(try await queue.lease(LeaseRequest(.saveTurn, limit: 1, worker: worker.worker)))
        #expect(lease.jobs.first?.payload == Array(canary.utf8))
        try await queue.settle([Settlement(jobs[0].id, lease.token, .bury(because: "bad"))])
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let contents = FileManager.default.contents(atPath: "\(folder.path)/\(file)") ?? Data()
            #expect(contents.range(of: Data(canary.utf8)) == nil, "\(file)")
        }
    }

    @Test("leaves a payload that no key opens sealed, and the job in its place")
    func wrongKey() async throws {
        let job = NewJob(kind: .saveTurn, payload: [1, 2, 3])
        try await open().enqueue([job])
        let stranger = try await open(Self.newKeyring())
        let worker = try await stranger.join()
        let lease = try #require(try await stranger.lease(LeaseRequest(.saveTurn, limit: 1, worker: worker.worker)))
        #expect(lease.jobs.map(\.payload) == [nil])
        try await stranger.settle([Settlement(job.id, lease.token, .bury(because: .unreadable))])
        #expect(try await stranger.reveal(job.id, by: "x") == nil)
        #expect(try await open().reveal(job.id, by: "x") == [1, 2, 3])
    }

    @Test("is sealed anew after a rotation, alive and dead, some at a time")
    func reencrypt() async throws {
        let file = "\(folder.path)/keys"
        let keyring = try Keyring.create(file: file)
        let queue = try await open(keyring)
        let jobs = (0..<7).map { NewJob(kind: .saveTurn, payload: [UInt8($0)]) }
        try await queue.enqueue(jobs)
        let worker = try await queue.join()
        let lease = try #require(try await queue.lease(LeaseRequest(.saveTurn, limit: 2, worker: worker.worker)))
        try await queue.settle(lease.jobs.map { Settlement($0.id, lease.token, .bury(because: "bad")) })
        #expect(try await queue.reencrypt(limit: 100) == 0)
        let old = keyring.currentKey
        _ = try Keyring.rotate(file: file)
        try keyring.reload()
        #expect(keyring.currentKey != old)
        #expect(try await queue.reencrypt(limit: 3) == 4)
        #expect(try await queue.reencrypt(limit: 3) == 1)
        #expect(try await queue.reencrypt(limit: 3) == 0)
        try Keyring.retire(old, file: file)
        let later = try await open(Keyring(file: file))
        for (number, job) in jobs.enumerated() {
            #expect(try await later.reveal(job.id, by: "x") == [UInt8(number)])
        }
    }

    @Test("takes the lock files of dead workers away, and keeps those of the living")
    func lockFiles() async throws {
        let queue = try await open()
        let living = try await queue.join()
        // Let go of without a word, as when its process is killed.
        _ = try await queue.join()
        #expect(try FileManager.default.contentsOfDirectory(atPath: locks).count == 2)
        let next = try await queue.join()
        #expect(
            Set(try FileManager.default.contentsOfDirectory(atPath: locks))
                == ["\(living.worker).lock", "\(next.worker).lock"])
        #expect(await living.isHeld())
        try FileManager.default.removeItem(atPath: "\(locks)/\(living.worker).lock")
        #expect(await !living.isHeld(), "others would take it for dead")
    }

    /// Puts a job in; `false` when there is no room for it.
    private func fits(_ payload: [UInt8], in queue: SQLiteQueue) async -> Bool {
        do throws(StoreError) {
            try await queue.enqueue([NewJob(kind: .saveTurn, payload: payload)])
            return true
        } catch {
            if case .full = error { return false }
            Issue.record(error)
            return false
        }
    }

    @Test("refuses what its file has no room for, and takes it once there is some")
    func full() async throws {
        var settings = Database.Settings(path: path)
        settings.maxPages = 60
        let queue = try await SQLiteQueue(try Database(settings), keyring)
        let worker = try await queue.join()
        let big = [UInt8](repeating: 7, count: 3000)
        var count = 0
        while await fits(big, in: queue), count < 100 { count += 1 }
        #expect(count > 2 && count < 100)
        let lease = try #require(try await queue.lease(LeaseRequest(.saveTurn, limit: 99, worker: worker.worker)))
        #expect(lease.jobs.count == count, "what was taken is all there")
        #expect(try await queue.settle(lease.jobs.map { Settlement($0.id, lease.token, .finish) }).count == count)
        #expect(try await queue.enqueue([NewJob(kind: .saveTurn, payload: big)]) == 1)
    }
}
