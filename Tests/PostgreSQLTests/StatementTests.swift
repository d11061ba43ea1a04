import PostgreSQL
import PostgresSupport
import TestSupport
import Testing

@Suite("Statements", .timeLimit(.minutes(1)))
struct StatementTests {
    @Test("Values go there and come back as they were", arguments: 0..<100 as Range<UInt64>)
    func values(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let number = Int(truncatingIfNeeded: random.next() >> UInt64.random(in: 0..<64, using: &random))
        let bytes = (0..<Int.random(in: 0...3000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
        }
        let scalars = (0..<Int.random(in: 0...300, using: &random)).compactMap { _ in
            Unicode.Scalar(UInt32.random(in: 1...0x10FFFF, using: &random))
        }
        let text = String(String.UnicodeScalarView(scalars))
        let id = "018f0000-0000-7000-8000-\(String(number.magnitude % 0xFFFF_FFFF, radix: 16).leftPadded(to: 12))"
        let row = try await Self.pool.value.run { session throws(PostgreSQLError) in
            try session.run(
                Statement(
                    "SELECT $1, $2, $3, $4, $5, $6::text, $1::text, ($1 % 1000)::int2, ($1 % 100000)::int4, $7::float8",
                    [
                        .int(number), .bool(seed % 2 == 0), .text(text), .bytes(bytes), .uuid(id), .null,
                        .int(number % 1024),
                    ]))[0]
        }
        #expect(try row.value(0) == number)
        #expect(try row.value(1) == (seed % 2 == 0))
        #expect(try row.value(2) == text)
        #expect(try row.value(3) == bytes)
        #expect(try row.value(4) == id)
        #expect(try row.value(5) == String?.none)
        #expect(try row.value(6) == String(number))
        #expect(try row.value(7) == number % 1000)
        #expect(try row.value(8) == number % 100_000)
        #expect(try row.value(9) == Double(number % 1024))
    }

    @Test("Lists go there as arrays, empty ones and nulls in them too", arguments: [0, 1, 3, 1000])
    func lists(count: Int) async throws {
        let numbers = (0..<count).map { $0 * $0 - 5 }
        let texts = (0..<count).map { $0 % 3 == 0 ? nil : "text \($0)" }
        let bytes = (0..<count).map {
            $0 % 4 == 0 ? nil : [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: $0 % 9)
        }
        let ids = (0..<count).map { "018f0000-0000-7000-8000-\(String($0, radix: 16).leftPadded(to: 12))" }
        let rows = try await Self.pool.value.run { session throws(PostgreSQLError) in
            try session.run(
                Statement(
                    "SELECT * FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS t(a, b, c, d, n) ORDER BY n",
                    [.ints(numbers), .texts(texts), .bytesList(bytes), .uuids(ids)]))
        }
        #expect(try rows.map { try $0.value(0, as: Int.self) } == numbers)
        #expect(try rows.map { try $0.value(1, as: String?.self) } == texts)
        #expect(try rows.map { try $0.value(2, as: [UInt8]?.self) } == bytes)
        #expect(try rows.map { try $0.value(3, as: String.self) } == ids)
    }

    @Test("What does not fit in one read or write of a socket goes through whole")
    func large() async throws {
        let bytes = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let answer = try await Self.pool.value.run(within: .seconds(30)) { session throws(PostgreSQLError) in
            // The answer to the first comes while the second is still being sent.
            try session.run([Statement("SELECT $1", [.bytes(bytes)]), Statement("SELECT $1", [.bytes(bytes)])])
                .map { rows throws(PostgreSQLError) in try rows[0].value(0, as: [UInt8].self) }
        }
        #expect(answer == [bytes, bytes])
    }

    @Test("Statements sent together are one transaction", arguments: [false, true])
    func together(fails: Bool) async throws {
        let pool = try await newPool(.init(connections: 1))
        try await pool.run { session throws(PostgreSQLError) in
            try session.script("CREATE TABLE numbers (number int PRIMARY KEY); INSERT INTO numbers VALUES (1)")
        }
        let error = await failure(in: pool) { session throws(PostgreSQLError) in
            let rows = try session.run([
                Statement("INSERT INTO numbers VALUES ($1)", [.int(2)]),
                Statement("INSERT INTO numbers VALUES ($1)", [.int(fails ? 1 : 3)]),
                Statement("INSERT INTO numbers SELECT generate_series(4, 9)"),
            ])
            #expect(rows.map(\.affected) == [1, 1, 6])
        }
        #expect(error?.sqlState == (fails ? "23505" : nil))
        #expect(error?.constraint == (fails ? "numbers_pkey" : nil))
        let count = try await pool.run { session throws(PostgreSQLError) in
            try session.run(Statement("SELECT count(*) FROM numbers"))[0].value(0, as: Int.self)
        }
        #expect(count == (fails ? 1 : 9))
        // A statement that was refused costs no connection, and can be made again.
        #expect(pool.statistics.connects == 1)
    }

    @Test(
        "An error says of what kind it is, with the SQL and without a value",
        arguments: [
            ("SELECT $1::text::uuid", .row, "22P02"), ("SELECT $1::text::int", .row, "22P02"),
            ("INSERT INTO pairs VALUES (1, $1::text || '!')", .row, "23505"),
            ("INSERT INTO pairs VALUES (2, $1::text)", .row, "23514"), ("SELECT canary($1::text)", .defect, "42883"),
            ("SELECT ($1::text", .defect, "42601"), ("SELECT pg_read_file($1::text)", .denied, "42501"),
            // The end of a session is told when its statement is over already.
            ("SELECT pg_terminate_backend(pg_backend_pid()), $1::text", .outage, nil),
        ] as [(StaticString, PostgreSQLError.Kind, String?)])
    func errors(sql: StaticString, kind: PostgreSQLError.Kind, state: String?) async throws {
        let server = try await PostgresServer.shared()
        let database = try await server.database()
        try await server.query(
            "CREATE TABLE pairs (one int PRIMARY KEY, two text CHECK (two <> 'canary')); INSERT INTO pairs VALUES (1, 'x'); "
                + "CREATE ROLE \(database) LOGIN PASSWORD 'secret'; GRANT ALL ON pairs TO \(database)", in: database)
        let pool = Pool(try ServerAddress(server.url(database, user: database, password: "secret")))
        let error = await failure(in: pool) { session throws(PostgreSQLError) in
            try session.run(Statement(sql, [.text("canary")]))
        }
        #expect(error?.kind == kind)
        #expect(error?.sqlState == state)
        if state != nil { #expect(error?.sql == sql.description) }
        if kind == .row { #expect(error?.description.contains("canary") == false) }
        #expect(await failure(in: pool) == nil)
    }

    @Test(
        "Prepared statements that are another's, or gone, are told as what a pooler of transactions does",
        arguments: ["PREPARE a AS SELECT 1; PREPARE a AS SELECT 1", "EXECUTE gone"])
    func pooled(sql: String) async throws {
        let pool = Pool(try ServerAddress(try await PostgresServer.shared().url()))
        let error = await failure(in: pool) { session throws(PostgreSQLError) in try session.script(sql) }
        #expect(error?.description.contains("pgbouncer=true") == true)
    }

    @Test("Transactions that block one another are told to try again")
    func deadlock() async throws {
        let pool = try await newPool(.init(connections: 2, timeout: .seconds(20)))
        try await pool.run { session throws(PostgreSQLError) in
            try session.script("CREATE TABLE locks (number int PRIMARY KEY); INSERT INTO locks VALUES (1), (2)")
        }
        let (first, second) = (Semaphore(), Semaphore())
        @Sendable func take(_ one: Int, _ other: Int, tell: Semaphore, wait: Semaphore) async -> PostgreSQLError? {
            await failure(in: pool) { session throws(PostgreSQLError) in
                let lock: StaticString = "SELECT 1 FROM locks WHERE number = $1 FOR UPDATE"
                _ = try session.run([Statement("BEGIN"), Statement(lock, [.int(one)])])
                tell.give()
                wait.take()
                _ = try session.run([Statement(lock, [.int(other)]), Statement("COMMIT")])
            }
        }
        async let one = take(1, 2, tell: first, wait: second)
        async let other = take(2, 1, tell: second, wait: first)
        let errors = await [one, other].compactMap(\.self)
        #expect(errors.map(\.kind) == [.conflict])
        #expect(errors.map(\.sqlState) == ["40P01"])
    }

    @Test("A column that is not what was expected is an error, not a guess")
    func columns() async throws {
        let row = try await Self.pool.value.run { session throws(PostgreSQLError) in
            try session.run(Statement("SELECT 'text'::text, NULL::bigint, 1.5::numeric"))[0]
        }
        #expect(throws: PostgreSQLError.self) { try row.value(0, as: Int.self) }
        #expect(throws: PostgreSQLError.self) { try row.value(1, as: Int.self) }
        #expect(throws: PostgreSQLError.self) { try row.value(2, as: Double.self) }
        #expect(throws: PostgreSQLError.self) { try row.value(3, as: Int.self) }
        #expect(row.isNull(1))
    }

    private static let pool = Task { try await newPool(.init()) }
}

@Suite("An address")
struct ServerAddressTests {
    @Test(
        "Shows where and as whom, and never the password",
        arguments: [
            ("postgresql://ann:canary@db.example:6543/notes?sslmode=require", "ann@db.example:6543/notes"),
            ("postgres://ann:canary@db.example/notes?pgbouncer=true", "ann@db.example:5432/notes"),
            ("host=db.example user=ann password=canary dbname=notes", "ann@db.example:5432/notes"),
        ])
    func description(url: String, shown: String) throws {
        let address = try ServerAddress(url)
        #expect(address.description == shown)
        #expect(!"\(String(reflecting: address)) \(address)".contains("canary"))
    }

    @Test(
        "What cannot be read is refused without repeating it",
        arguments: [
            "postgresql://ann:canary@db.example:5432/notes?canary=1", "canary", "postgresql://[canary",
            "http://ann:canary@db.example/notes",
        ])
    func nonsense(url: String) {
        let error = #expect(throws: PostgreSQLError.self) { try ServerAddress(url) }
        #expect(error?.kind == .address)
        #expect(error?.description.contains("canary") == false)
    }

    @Test(
        "A pooler of transactions is known by Supabase's port and by its name in the URL",
        arguments: [
            ("postgresql://a@h:6543/d", true), ("postgresql://a@h:5432/d", false),
            ("postgresql://a@h:5432/d?pgbouncer=true&sslmode=require", true),
            ("postgresql://a@h:5432/d?pgbouncer=false", false), ("host=h port=6543", true),
        ])
    func pooler(url: String, isPooler: Bool) throws {
        #expect(try ServerAddress(url).isTransactionPooler == isPooler)
    }
}

extension String {
    func leftPadded(to count: Int) -> String { String(repeating: "0", count: Swift.max(0, count - self.count)) + self }
}
