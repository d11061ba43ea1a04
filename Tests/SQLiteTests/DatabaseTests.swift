import Foundation
import SQLite
import TestSupport
import Testing

@Suite("A database in a file", .timeLimit(.minutes(1)))
struct DatabaseTests {
    private static let endless: SQL =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    @Test("It is for its owner alone, and so is what stands beside it")
    func modes() async throws {
        let test = try await TestDatabase().withItems()
        for name in ["test.sqlite", "test.sqlite-wal", "test.sqlite-shm"] {
            let facts = try FileManager.default.attributesOfItem(atPath: "\(test.folder.path)/\(name)")
            #expect(facts[.posixPermissions] as? Int == 0o600, "\(name)")
        }
    }

    @Test("Each commit is on the disk before it returns, in a log")
    func pragmas() async throws {
        let test = try TestDatabase()
        let pragmas: [(SQL, Value)] = [
            ("PRAGMA journal_mode", .text("wal")), ("PRAGMA synchronous", .integer(2)),
            ("PRAGMA foreign_keys", .integer(1)), ("PRAGMA auto_vacuum", .integer(2)),
            ("PRAGMA page_size", .integer(8192)), ("PRAGMA wal_autocheckpoint", .integer(4000)),
            ("PRAGMA journal_size_limit", .integer(33_554_432)),
        ]
        for (sql, expected) in pragmas {
            let value = try await test.database.alone { try $0.row(sql) { try $0.value(0) } }
            #expect(value == expected, "\(sql.text)")
        }
    }

    @Test("A read past its limit is ended, and the reader goes on")
    func limit() async throws {
        let test = try await TestDatabase { $0.readers = 1 }.withItems()
        let read = { () async throws -> Int? in
            try await test.database.read(within: .milliseconds(50)) { try $0.row(Self.endless) { try $0.int(0) } }
        }
        #expect(await failure(of: read) == .timedOut)
        #expect(await failure(of: read) == .timedOut)
        #expect(try await test.database.read { try $0.row("SELECT 7") { try $0.int(0) } } == 7)
        // The limit is that of reads: a write is never ended in the middle.
        let sum: SQL =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT sum(i) FROM n"
        #expect(try await test.database.write { try $0.row(sum) { try $0.int(0) } } == 45_000_150_000)
    }

    @Test("A reader cannot write")
    func readOnly() async throws {
        let test = try await TestDatabase().withItems()
        let kind = await failure { try await test.database.read { try $0.run("INSERT INTO item(id) VALUES (1)") } }
        #expect(kind == .readOnly)
    }

    @Test("A read sees one state, whatever is written meanwhile")
    func snapshot() async throws {
        let test = try await TestDatabase().withItems()
        let database = test.database
        let gate = Gate()
        let isReading = Tally()
        async let counts = database.read { transaction in
            let count: SQL = "SELECT count(*) FROM item"
            let before = try transaction.row(count) { try $0.int(0) }
            isReading.add()
            gate.pass()
            return [before, try transaction.row(count) { try $0.int(0) }]
        }
        await isReading.reaches(1)
        try await database.write { try $0.run("INSERT INTO item(id) VALUES (1)") }
        gate.open()
        #expect(try await counts == [0, 0])
    }

    @Test("The log stays short while nobody reads, and is given back when a reader kept it long")
    func log() async throws {
        let test = try await TestDatabase().withItems()
        let database = test.database
        let longest = 36 << 20
        /// Writes 50 MiB.
        func fill() async throws {
            for _ in 0..<100 {
                try await database.write { try $0.run("INSERT INTO item(body) VALUES (randomblob(524288))") }
            }
        }
        try await fill()
        #expect(database.walBytes < longest)
        let gate = Gate()
        let isReading = Tally()
        async let read = database.read { transaction in
            _ = try transaction.row("SELECT count(*) FROM item") { try $0.int(0) }
            isReading.add()
            gate.pass()
        }
        await isReading.reaches(1)
        try await fill()
        #expect(database.walBytes > longest)
        gate.open()
        try await read
        // The first write moves all of it into the file, the second begins it anew.
        for _ in 0..<2 { try await database.write { try $0.run("INSERT INTO item(body) VALUES (zeroblob(1))") } }
        #expect(database.walBytes < longest)
        try await database.checkpoint()
        #expect(database.walBytes == 0)
    }

    @Test("A second process that writes is waited for, and named when it takes too long")
    func busy() async throws {
        let test = try await TestDatabase().withItems()
        var settings = test.database.settings
        settings.busyTimeout = .milliseconds(50)
        let other = try Database(settings)
        let gate = Gate()
        let isHeld = Tally()
        async let held: Void = test.database.write { _ in
            isHeld.add()
            gate.pass()
        }
        await isHeld.reaches(1)
        let kind = await failure { try await other.write { try $0.run("INSERT INTO item(id) VALUES (1)") } }
        #expect(kind == .busy)
        gate.open()
        try await held
        #expect(try await other.write { try $0.run("INSERT INTO item(id) VALUES (1)") } == 1)
        await other.close()
    }

    @Test("A full file refuses, keeps what was acknowledged, and takes more once there is room")
    func full() async throws {
        let test = try await TestDatabase { $0.maxPages = 60 }.withItems()
        let database = test.database
        var written = 0
        var kind: SQLiteError.Kind?
        while kind == nil, written < 100 {
            kind = await failure {
                try await database.write { try $0.run("INSERT INTO item(body) VALUES (randomblob(10000))") }
            }
            if kind == nil { written += 1 }
        }
        #expect(kind == .full)
        let count: SQL = "SELECT count(*) FROM item"
        #expect(try await database.read { try $0.row(count) { try $0.int(0) } } == written)
        // Of many at once, those that fit are written and the others told.
        let taken = await withTaskGroup { group in
            for size in [50, 500_000, 60, 500_000, 70] {
                group.addTask {
                    await failure {
                        try await database.write { try $0.run("INSERT INTO item(body) VALUES (randomblob(?))", size) }
                    } == nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(try await database.read { try $0.row(count) { try $0.int(0) } } == written + taken)
        try await database.write { try $0.run("DELETE FROM item") }
        try await database.write { try $0.run("INSERT INTO item(body) VALUES (randomblob(10000))") }
        #expect(try await database.check(isThorough: true) == [])
    }

    @Test("A file that is no database is refused, and left as it is")
    func notADatabase() throws {
        let folder = try Folder()
        let text = String(repeating: "This is a letter. ", count: 300)
        let path = try folder.write("test.sqlite", text)
        #expect(throws: SQLiteError.self) { try Database(Database.Settings(path: path)) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        do {
            _ = try Database(Database.Settings(path: "\(folder.path)/none/test.sqlite"))
            Issue.record("It was opened.")
        } catch {
            #expect(error.kind == .cannotOpen)
        }
    }

    @Test("A file that was closed holds all of it, and no log is left beside it", arguments: 0..<40)
    func closed(_ round: Int) async throws {
        let test = try await TestDatabase().withItems()
        await test.database.close()
        #expect(!FileManager.default.fileExists(atPath: test.path + "-wal"))
    }

    @Test("Damage is found")
    func damage() async throws {
        let test = try await TestDatabase().withItems()
        for _ in 0..<50 {
            try await test.database.write { try $0.run("INSERT INTO item(body) VALUES (randomblob(6000))") }
        }
        await test.database.close()
        let file = try #require(FileHandle(forUpdatingAtPath: test.path))
        try file.seek(toOffset: 3 * 8192)
        try file.write(contentsOf: Data(repeating: 0xA5, count: 8192))
        try file.close()
        let database = try Database(test.database.settings)
        let findings = try? await database.check(isThorough: true)
        #expect(findings != [])
        await database.close()
    }

    @Test("A copy is whole, of one moment, and another file than any that is there")
    func backup() async throws {
        let test = try await TestDatabase().withItems()
        let database = test.database
        let copy = "\(test.folder.path)/copy.sqlite"
        for _ in 0..<200 {
            try await database.write { try $0.run("INSERT INTO item(body) VALUES (randomblob(5000))") }
        }
        await withTaskGroup { group in
            for _ in 0..<200 {
                group.addTask {
                    _ = try? await database.write { transaction in
                        try transaction.run("INSERT INTO item(body) VALUES ('a')")
                        try transaction.run("INSERT INTO item(body) VALUES ('b')")
                    }
                }
            }
            group.addTask { try? await database.backup(to: copy) }
        }
        #expect(await failure { try await database.backup(to: copy) } == .cannotOpen)
        let facts = try FileManager.default.attributesOfItem(atPath: copy)
        #expect(facts[.posixPermissions] as? Int == 0o600)
        let opened = try Database(Database.Settings(path: copy))
        #expect(try await opened.check(isThorough: true) == [])
        let counts = try await opened.read { transaction in
            try transaction.rows(
                "SELECT count(*) FROM item WHERE typeof(body) = 'text' GROUP BY body ORDER BY body"
            ) { try $0.int(0) }
        }
        #expect(Set(counts).count <= 1)
        let whole = try await opened.read { try $0.row("SELECT count(*) FROM item") { try $0.int(0) } } ?? 0
        #expect(whole >= 200)
        await opened.close()
        #expect(!FileManager.default.fileExists(atPath: "\(copy).partial"))
    }
}
