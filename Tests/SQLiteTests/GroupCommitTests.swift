import SQLite
import Synchronization
import TestSupport
import Testing

@Suite("Writers that share a commit", .timeLimit(.minutes(1)))
struct GroupCommitTests {
    private struct Refused: Error {}

    /// Writes so many rows at once, while the writer is held up so that they wait for it together.
    ///
    /// - Returns: for each whether it was told that it was written.
    private func write(
        _ count: Int, to test: TestDatabase, _ body: @escaping @Sendable (Int, borrowing Transaction) throws -> Void
    ) async -> [Bool] {
        let gate = Gate()
        let database = test.database
        let isHeld = Tally()
        let holding = Task {
            try await database.write { _ in
                isHeld.add()
                gate.pass()
            }
        }
        await isHeld.reaches(1)
        let results = await withTaskGroup { group in
            for number in 0..<count {
                group.addTask {
                    do {
                        try await database.write { try body(number, $0) }
                        return (number, true)
                    } catch {
                        return (number, false)
                    }
                }
            }
            group.addTask {
                try? await wait(while: database.waiting < count)
                gate.open()
                return (-1, true)
            }
            return await group.reduce(into: [Int: Bool]()) { $0[$1.0] = $1.1 }
        }
        _ = try? await holding.value
        return (0..<count).map { results[$0] ?? false }
    }

    private func items(of test: TestDatabase) async throws -> [Int] {
        try await test.database.read { try $0.rows("SELECT id FROM item ORDER BY id") { try $0.int(0) } }
    }

    @Test("What waits together goes to the disk together, at most 512 at a time")
    func together() async throws {
        let test = try await TestDatabase().withItems()
        let before = test.database.counts
        let results = await write(1200, to: test) { number, transaction in
            try transaction.run("INSERT INTO item(id) VALUES (?)", number)
        }
        #expect(!results.contains(false))
        #expect(try await items(of: test) == Array(0..<1200))
        let after = test.database.counts
        // The one that held the writer up, then 512, 512 and the rest.
        #expect(after.commits - before.commits == 4)
        #expect(after.largestBatch == 512)
        #expect(after.works - before.works == 1201)
    }

    @Test("A batch ends at its bytes")
    func bytes() async throws {
        let test = try await TestDatabase { $0.batchBytes = 1000 }.withItems()
        let database = test.database
        let gate = Gate()
        let isHeld = Tally()
        async let held: Void = database.write { _ in
            isHeld.add()
            gate.pass()
        }
        await isHeld.reaches(1)
        await withTaskGroup { group in
            for number in 0..<10 {
                group.addTask {
                    try? await database.write(bytes: 400) { transaction in
                        _ = try transaction.run("INSERT INTO item(id) VALUES (?)", number)
                    }
                }
            }
            try? await wait(while: database.waiting < 10)
            gate.open()
        }
        try await held
        #expect(database.counts.largestBatch <= 3)
        #expect(try await items(of: test).count == 10)
    }

    @Test(
        "One that fails in whatever way fails alone, and the others are written",
        arguments: ["refused before it wrote", "refused after it wrote", "row breaks a rule", "caught and went on"])
    func failing(how: String) async throws {
        let test = try await TestDatabase().withItems()
        let replays = test.database.counts.replays
        let results = await write(40, to: test) { number, transaction in
            guard number % 13 == 5 else {
                try transaction.run("INSERT INTO item(id) VALUES (?)", number)
                return
            }
            switch how {
            case "refused before it wrote": throw Refused()
            case "refused after it wrote":
                try transaction.run("INSERT INTO item(id) VALUES (?)", 1000 + number)
                throw Refused()
            case "row breaks a rule":
                try transaction.run("INSERT INTO item(id) VALUES (?)", 1000 + number)
                try transaction.run("INSERT INTO item(id) VALUES (?)", 1000 + number)
            default:
                try transaction.run("INSERT INTO item(id) VALUES (?)", number)
                _ = try? transaction.run("INSERT INTO item(id) VALUES (?)", number)
            }
        }
        let failing = how == "caught and went on" ? [] : [5, 18, 31]
        #expect(results.indices.filter { !results[$0] } == failing)
        #expect(try await items(of: test) == (0..<40).filter { !failing.contains($0) })
        #expect(test.database.counts.replays - replays == (failing.isEmpty || how.hasSuffix("before it wrote") ? 0 : 1))
    }

    @Test("The error is the one that was thrown")
    func error() async throws {
        let test = try await TestDatabase().withItems()
        await #expect(throws: Refused.self) {
            try await test.database.write { transaction in
                try transaction.run("INSERT INTO item(id) VALUES (1)")
                throw Refused()
            }
        }
        #expect(try await items(of: test) == [])
    }

    @Test("When SQLite gives a whole transaction up, the others are written all the same", arguments: 1...4)
    func rolledBack(kind: Int) async throws {
        let test = try await TestDatabase().withItems()
        let results = await write(20, to: test) { number, transaction in
            if number % 7 == kind { try transaction.run("INSERT OR ROLLBACK INTO item(id) VALUES (100), (100)") }
            try transaction.run("INSERT INTO item(id) VALUES (?)", number)
        }
        #expect(results.indices.filter { !results[$0] } == (0..<20).filter { $0 % 7 == kind })
        #expect(try await items(of: test) == (0..<20).filter { $0 % 7 != kind })
    }

    @Test("Whatever fails at random, exactly what was acknowledged is there", arguments: 0..<100 as Range<UInt64>)
    func random(seed: UInt64) async throws {
        let test = try await TestDatabase().withItems()
        var random = SplitMix(seed: seed)
        let kinds = (0..<60).map { _ in Int.random(in: 0...9, using: &random) }
        let results = await write(60, to: test) { number, transaction in
            try transaction.run("INSERT INTO item(id) VALUES (?)", number)
            switch kinds[number] {
            case 0: throw Refused()
            case 1: try transaction.run("INSERT INTO item(id) VALUES (?)", number)
            case 2: try transaction.run("INSERT OR ROLLBACK INTO item(id) VALUES (?)", number)
            default: break
            }
        }
        #expect(results == kinds.map { $0 > 2 }, "seed \(seed)")
        #expect(try await items(of: test) == kinds.indices.filter { kinds[$0] > 2 }, "seed \(seed)")
    }

    @Test("What runs alone is in no transaction, and in its place among the others")
    func alone() async throws {
        let test = try await TestDatabase().withItems()
        try await test.database.write { try $0.run("INSERT INTO item(id, body) VALUES (1, zeroblob(1000000))") }
        try await test.database.write { try $0.run("DELETE FROM item") }
        try await test.database.alone { try $0.execute("VACUUM") }
        try await test.database.checkpoint()
        #expect(test.database.bytes < 100_000)
        #expect(test.database.walBytes == 0)
    }

    @Test("Once a write has returned, every reader sees it, in this process and in others", arguments: [1, 8])
    func acknowledged(writers: Int) async throws {
        let test = try await TestDatabase().withItems()
        let (database, other) = (test.database, try Database(test.database.settings))
        let isUnseen = Tally()
        await withTaskGroup { group in
            for writer in 0..<writers {
                group.addTask {
                    for number in 0..<40 {
                        let id = writer * 1000 + number
                        // Large, so that a commit takes longer than a look.
                        _ = try? await database.write { transaction in
                            try transaction.run("INSERT INTO item(id, body) VALUES (?, zeroblob(200000))", id)
                        }
                        for reader in [database, other] {
                            let isThere = try? await reader.read {
                                try $0.exists("SELECT 1 FROM item WHERE id = ?", id)
                            }
                            if isThere != true { isUnseen.add() }
                        }
                    }
                }
            }
        }
        #expect(isUnseen.value == 0)
        await other.close()
    }

    @Test("Closing finishes what waits, and then refuses")
    func closing() async throws {
        let test = try await TestDatabase().withItems()
        let database = test.database
        await withTaskGroup { group in
            for number in 0..<100 {
                group.addTask {
                    _ = try? await database.write { try $0.run("INSERT INTO item(id) VALUES (?)", number) }
                }
            }
            group.addTask { await database.close() }
        }
        #expect(await failure { try await database.write { _ in } } == .closed)
        #expect(await failure { try await database.read { _ in } } == .closed)
        let again = try Database(database.settings)
        let count = try await again.read { try $0.row("SELECT count(*) FROM item") { try $0.int(0) } }
        #expect(count == database.counts.works - 1)
        await again.close()
    }
}
