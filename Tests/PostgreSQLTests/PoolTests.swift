import PostgreSQL
import PostgresSupport
import TestSupport
import Testing

@Suite("A pool of connections", .timeLimit(.minutes(2)))
struct PoolTests {
    @Test("More callers than connections are all served, by no more than the limit")
    func many() async throws {
        let pool = try await newPool(.init(connections: 3))
        let processes = await withTaskGroup { group in
            for number in 0..<300 {
                group.addTask {
                    let answer = try? await pool.run { session throws(PostgreSQLError) in
                        let row = try session.run(Statement("SELECT $1::bigint", [.int(number)]))[0]
                        return (number: try row.value(0, as: Int.self), process: session.process)
                    }
                    #expect(answer?.number == number)
                    return answer?.process
                }
            }
            return await group.reduce(into: Set<Int?>()) { $0.insert($1) }
        }
        #expect((1...3).contains(processes.count))
        #expect(pool.statistics.connects <= 3)
    }

    @Test("Past the bound of the queue a call is refused, and one that waits too long times out")
    func bounds() async throws {
        let pool = try await newPool(.init(connections: 1, waiting: 1))
        let (holds, free) = (Tally(), Gate())
        async let held: Void = pool.run { _ throws(PostgreSQLError) in
            holds.add()
            free.pass()
        }
        await holds.reaches(1)
        async let waiting = failure(in: pool, within: .milliseconds(300))
        // The one that waits is there before the next asks.
        try await wait(while: pool.statistics.waiting == 0)
        let refused = await failure(in: pool)
        #expect(refused?.kind == .outage)
        #expect(await waiting?.kind == .timeout)
        free.open()
        try await held
        #expect(await failure(in: pool) == nil)
        #expect(pool.statistics.timeouts == 1)
    }

    @Test("Whoever waits is refused in time, whoever waits longer then, and nobody else")
    func late() async throws {
        let pool = try await newPool(.init(connections: 1))
        let (holds, free) = (Tally(), Gate())
        async let held: Void = pool.run(within: .seconds(60)) { _ throws(PostgreSQLError) in
            holds.add()
            free.pass()
        }
        await holds.reaches(1)
        // The first is the last whose time is up, so that a look at those who wait is planned for later than the next needs.
        async let patient = failure(in: pool, within: .seconds(60))
        try await wait(while: pool.statistics.waiting < 1)
        async let longer = failure(in: pool, within: .milliseconds(600))
        try await wait(while: pool.statistics.waiting < 2)
        async let shorter = failure(in: pool, within: .milliseconds(200))
        #expect(await shorter?.kind == .timeout)
        #expect(await longer?.kind == .timeout)
        #expect(pool.statistics.timeouts == 2)
        #expect(pool.statistics.waiting == 1)
        free.open()
        try await held
        #expect(await patient == nil)
    }

    @Test("A call that is not answered in time is over, and so is what it asked the server for")
    func timeout() async throws {
        let server = try await PostgresServer.shared()
        let pool = try await newPool(.init(connections: 1))
        let before = try await process(of: pool)
        let error = await failure(in: pool, within: .milliseconds(300)) { session throws(PostgreSQLError) in
            try session.run(Statement("SELECT pg_sleep(50)"))
        }
        #expect(error?.kind == .timeout)
        #expect(error?.sql == "SELECT pg_sleep(50)")
        // A connection in doubt is not used again.
        #expect(try await process(of: pool) != before)
        while try await server.query("SELECT count(*) FROM pg_stat_activity WHERE pid = \(before)") != [["0"]] {}
    }

    @Test("A transaction that is left open is undone, and its connection not used again")
    func leftOpen() async throws {
        let pool = try await newPool(.init(connections: 1))
        let table = "left_open"
        try await pool.run { session throws(PostgreSQLError) in try session.script("CREATE TABLE \(table) (number int)")
        }
        let before = try await pool.run { session throws(PostgreSQLError) in
            _ = try session.run([Statement("BEGIN"), Statement(unchecked: "INSERT INTO \(table) VALUES (1)")])
            return session.process
        }
        let (rows, after) = try await pool.run { session throws(PostgreSQLError) in
            (try session.run(Statement(unchecked: "TABLE \(table)")).count, session.process)
        }
        #expect(rows == 0)
        #expect(after != before)
    }

    @Test("A closed pool refuses, and ends its connections")
    func close() async throws {
        let server = try await PostgresServer.shared()
        let pool = try await newPool(.init(connections: 2))
        let process = try await process(of: pool)
        pool.close()
        #expect(await failure(in: pool)?.kind == .outage)
        while try await server.query("SELECT count(*) FROM pg_stat_activity WHERE pid = \(process)") != [["0"]] {}
    }

    @Test("A connection that cannot be prepared is none")
    func prepare() async throws {
        let address = try ServerAddress(try await PostgresServer.shared().url())
        let refusing = Pool(address) { session throws(PostgreSQLError) in try session.run(Statement("SELECT nonsense"))
        }
        #expect(await failure(in: refusing)?.sqlState == "42703")
        let prepared = Pool(address) { session throws(PostgreSQLError) in
            try session.run(Statement("SELECT set_config('medstream.test', 'set', false)"))
        }
        let setting = try await prepared.run { session throws(PostgreSQLError) in
            try session.run(Statement("SELECT current_setting('medstream.test')"))[0].value(0, as: String.self)
        }
        #expect(setting == "set")
    }

    @Test("Behind a pooler of transactions nothing is prepared", arguments: [true, false])
    func pooler(isPooled: Bool) async throws {
        let url = try await PostgresServer.shared().url() + (isPooled ? "?pgbouncer=true" : "")
        let address = try ServerAddress(url)
        #expect(address.isTransactionPooler == isPooled)
        let prepared = try await Pool(address).run { session throws(PostgreSQLError) in
            for number in 0..<3 { try session.run(Statement("SELECT $1::bigint", [.int(number)])) }
            return try session.run(Statement("SELECT count(*) FROM pg_prepared_statements"))[0].value(0, as: Int.self)
        }
        #expect(prepared == (isPooled ? 0 : 2))
    }
}

@Suite("A server that fails", .timeLimit(.minutes(3)))
struct OutageTests {
    @Test(
        "A server that stops is told at once, and found again when it is back",
        arguments: [PostgresServer.Blow.stop, .kill])
    func gone(blow: PostgresServer.Blow) async throws {
        let server = try await PostgresServer()
        let pool = Pool(try ServerAddress(server.url()))
        #expect(await failure(in: pool) == nil)
        try await server.suffer(blow)
        let clock = ContinuousClock()
        let started = clock.now
        for _ in 0..<50 { #expect(await failure(in: pool)?.kind == .outage) }
        // Fifty calls of two seconds would be more.
        #expect(clock.now - started < .seconds(10))
        #expect(pool.statistics.isDown)
        try await server.suffer(.start)
        await recovers(pool)
    }

    @Test("A server that accepts and never answers is as good as none")
    func frozen() async throws {
        let server = try await PostgresServer()
        let limits = Pool.Limits(connections: 2, connectTimeout: .milliseconds(500), timeout: .milliseconds(500))
        let pool = Pool(try ServerAddress(server.url()), limits)
        #expect(await failure(in: pool) == nil)
        try await server.suffer(.freeze)
        // One finds the open connection mute, another that no new one comes about; then it is known.
        while !pool.statistics.isDown { #expect(await failure(in: pool)?.isOutage == true) }
        let started = ContinuousClock.now
        for _ in 0..<100 { #expect(await failure(in: pool)?.isOutage == true) }
        #expect(ContinuousClock.now - started < .seconds(10))
        try await server.suffer(.thaw)
        await recovers(pool)
    }

    @Test("A restart while connections rest costs no call")
    func restart() async throws {
        let server = try await PostgresServer()
        let pool = Pool(try ServerAddress(server.url()))
        #expect(await failure(in: pool) == nil)
        try await server.suffer(.restart)
        #expect(await failure(in: pool) == nil)
        #expect(pool.statistics.connects == 2)
    }

    @Test("What accepts and says nothing from the start is given up in time")
    func mute() async throws {
        let listener = try ScriptedServer { _ in [] }
        let pool = Pool(
            try ServerAddress("postgresql://nobody@127.0.0.1:\(listener.port)/none"),
            .init(connectTimeout: .milliseconds(300)))
        #expect(await failure(in: pool)?.kind == .timeout)
        #expect(pool.statistics.isDown)
    }
}

extension OutageTests {
    private func recovers(_ pool: Pool) async {
        while let error = await failure(in: pool) {
            #expect(error.isOutage)
            await Task.yield()
        }
        #expect(!pool.statistics.isDown)
    }
}

func newPool(_ limits: Pool.Limits) async throws -> Pool {
    Pool(try ServerAddress(try await PostgresServer.shared().url(try await PostgresServer.shared().database())), limits)
}

func process(of pool: Pool) async throws -> Int {
    try await pool.run { session throws(PostgreSQLError) in
        try session.run(Statement("SELECT 1"))
        return session.process
    }
}

/// Why a call fails; `nil` when it does not.
func failure(
    in pool: Pool, within timeout: Duration? = nil,
    _ work: @escaping @Sendable (Session) throws(PostgreSQLError) -> Void = { session throws(PostgreSQLError) in
        try session.run(Statement("SELECT 1"))
    }
) async -> PostgreSQLError? {
    do throws(PostgreSQLError) {
        try await pool.run(within: timeout, work)
        return nil
    } catch {
        return error
    }
}
