import SQLite
import TestSupport
import Testing

@Suite("Statements of SQLite", .timeLimit(.minutes(1)))
struct ValueTests {
    static let values: [Value] = [
        .null, .integer(0), .integer(.min), .integer(.max), .real(0), .real(-1.5e300), .text(""), .text("plain"),
        .text("Δ😷\u{0}after\u{0}"), .text(String(repeating: "é", count: 100_000)), .blob([]), .blob([0, 255, 0]),
        .blob(Array(repeating: 7, count: 300_000)),
    ]

    @Test("What is bound is read as it was, to the byte", arguments: values)
    func roundTrip(value: Value) async throws {
        let test = try await TestDatabase().withItems()
        try await test.database.write { try $0.run("INSERT INTO item(id, body) VALUES (1, ?)", value) }
        let read = try await test.database.read { transaction in
            try transaction.row("SELECT body FROM item") { row in try row.value(0) }
        }
        #expect(read == value)
    }

    @Test("A column read as what it is not is refused, and an absent one is nil")
    func types() async throws {
        let test = try await TestDatabase().withItems()
        try await test.database.write { transaction in
            try transaction.run("INSERT INTO item(id, body) VALUES (1, 'text'), (2, NULL)")
        }
        let isRefused = await failure {
            try await test.database.read { try $0.row("SELECT body FROM item WHERE id = 1") { try $0.int(0) } }
        }
        #expect(isRefused == .misuse)
        let absent = try await test.database.read { transaction in
            try transaction.row("SELECT body, body, body FROM item WHERE id = 2") { row in
                try row.optionalText(0) == nil && row.optionalInt(1) == nil && row.optionalBlob(2) == nil
            }
        }
        #expect(absent == true)
        let none = try await test.database.read { try $0.row("SELECT 1 FROM item WHERE id = 3") { try $0.int(0) } }
        #expect(none == nil)
    }

    @Test("The same text may be run while its rows are gone through")
    func nested() async throws {
        let test = try await TestDatabase().withItems()
        let pairs = try await test.database.write { transaction in
            try transaction.run("INSERT INTO item(id) VALUES (1), (2), (3)")
            var pairs: [[Int]] = []
            let all: SQL = "SELECT id FROM item ORDER BY id"
            try transaction.forEach(all) { outer in
                let one = try outer.int(0)
                let inner = try transaction.rows(all) { row in try row.int(0) }
                pairs.append([one] + inner)
                return one < 2
            }
            return pairs
        }
        #expect(pairs == [[1, 1, 2, 3], [2, 1, 2, 3]])
    }

    @Test("A wrong number of values is refused, and leaves the statement usable")
    func arity() async throws {
        let test = try await TestDatabase().withItems()
        let sql: SQL = "INSERT INTO item(id, body) VALUES (?, ?)"
        #expect(await failure { try await test.database.write { try $0.run(sql, 1) } } == .misuse)
        #expect(try await test.database.write { try $0.run(sql, 1, nil) } == 1)
    }

    @Test("An error names the statement and never a value")
    func errors() async throws {
        let test = try await TestDatabase().withItems()
        try await test.database.write { try $0.run("INSERT INTO item(id, body) VALUES (1, 'a canary')") }
        do {
            try await test.database.write { try $0.run("INSERT INTO item(id, body)\n VALUES (1, ?)", "a canary") }
            Issue.record("It was taken.")
        } catch {
            let error = try #require(error as? SQLiteError)
            #expect(error.kind == .constraint(.primaryKey))
            #expect(error.description.contains("INSERT INTO item(id, body) VALUES (1, ?)"))
            #expect(!error.description.contains("canary"))
        }
        #expect(
            await failure { try await test.database.write { try $0.run("INSERT INTO none VALUES (1)") } } == .misuse)
    }

    @Test("The rules of a schema are told apart")
    func constraints() async throws {
        let test = try TestDatabase()
        let database = test.database
        try await database.write { transaction in
            try transaction.execute(
                """
                CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT;
                CREATE TABLE child(parent INTEGER NOT NULL REFERENCES parent, age INTEGER CHECK(age > 0)) STRICT;
                INSERT INTO parent VALUES (1, 'a');
                """)
        }
        let cases: [(SQL, SQLiteError.Constraint)] = [
            ("INSERT INTO parent VALUES (1, 'b')", .primaryKey), ("INSERT INTO parent VALUES (2, 'a')", .unique),
            ("INSERT INTO child VALUES (7, 1)", .foreignKey), ("INSERT INTO child VALUES (NULL, 1)", .notNull),
            ("INSERT INTO child VALUES (1, 0)", .check), ("INSERT INTO child VALUES ('x', 1)", .other),
        ]
        for (sql, rule) in cases {
            #expect(await failure { try await database.write { try $0.run(sql) } } == .constraint(rule), "\(sql.text)")
        }
    }
}
