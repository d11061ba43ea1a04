public import Encryption
public import PostgreSQL
public import StorePostgres
internal import Synchronization

/// Databases with our tables in the shared server, each for one test at a time.
///
/// The connecting role owns the tables and is no superuser, as an installation should have it.
public enum TestDatabases {
    /// What all of them are sealed with.
    public static let keyring: Keyring = {
        do {
            return try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
        } catch {
            fatalError("\(error)")
        }
    }()

    /// A role that may make roles and databases, and is bound by row-level security; its password is its name.
    public static let owner = "medstream_owner"

    /// Opens a new database in a server.
    public static func make(
        in server: PostgresServer, limits: Pool.Limits = testLimits, parameters: String = ""
    ) async throws -> PostgresDatabase {
        try await makeOwner(in: server)
        let name = try await server.database()
        try await server.query("ALTER DATABASE \(name) OWNER TO \(owner)")
        let url = server.url(name, user: owner, password: owner) + parameters
        return try await PostgresDatabase.open(try ServerAddress(url), limits: limits, keyring: keyring)
    }

    public static func makeOwner(in server: PostgresServer) async throws {
        let exists = try await server.query("SELECT 1 FROM pg_roles WHERE rolname = '\(owner)'")
        guard exists.isEmpty else { return }
        // Another test may have made it in this very moment.
        _ = try? await server.query("CREATE ROLE \(owner) LOGIN CREATEROLE CREATEDB PASSWORD '\(owner)'")
    }

    /// Few connections, as many tests run at once; times that a busy machine keeps.
    public static let testLimits = Pool.Limits(
        connections: 4, connectTimeout: .seconds(20), timeout: .seconds(20), restLimit: .seconds(1))

    /// An empty database for as long as the lease is held; then the next test has it.
    ///
    /// No more than a few at a time: every one has its own connections and threads.
    public static func lease() async throws -> Lease {
        let place = await waitForPlace()
        if let idle = place.idle {
            let lease = Lease(idle)
            try await empty(idle)
            return lease
        }
        do {
            return Lease(try await make(in: try await PostgresServer.shared()))
        } catch {
            giveBack(nil)
            throw error
        }
    }

    /// The right to a database, given back by letting go of it.
    public final class Lease: Sendable {
        public let database: PostgresDatabase

        fileprivate init(_ database: PostgresDatabase) { self.database = database }

        deinit { TestDatabases.giveBack(database) }
    }

    private struct Place: Sendable {
        var idle: PostgresDatabase?
    }

    private struct Places: Sendable {
        var free = 4
        var idle: [PostgresDatabase] = []
        var waiting: [CheckedContinuation<Place, Never>] = []
    }

    private static let places = Mutex(Places())

    private static func waitForPlace() async -> Place {
        await withCheckedContinuation { continuation in
            let place: Place? = places.withLock { places in
                guard places.free > 0 else {
                    places.waiting.append(continuation)
                    return nil
                }
                places.free -= 1
                return Place(idle: places.idle.popLast())
            }
            if let place { continuation.resume(returning: place) }
        }
    }

    private static func giveBack(_ database: PostgresDatabase?) {
        let next: CheckedContinuation<Place, Never>? = places.withLock { places in
            guard places.waiting.isEmpty else { return places.waiting.removeFirst() }
            places.free += 1
            if let database { places.idle.append(database) }
            return nil
        }
        next?.resume(returning: Place(idle: database))
    }

    private static func empty(_ database: PostgresDatabase) async throws {
        try await database.pool.run { session throws(PostgreSQLError) in
            try session.script(
                """
                BEGIN; SELECT set_config('medstream.operator', 'on', true);
                DELETE FROM medstream.conversation; DELETE FROM medstream.case_file; DELETE FROM medstream.account;
                DELETE FROM medstream.onboarding; DELETE FROM medstream.job; DELETE FROM medstream.job_dead;
                DELETE FROM medstream.job_audit; DELETE FROM medstream.node; TRUNCATE medstream.deletion; COMMIT;
                """)
        }
    }
}
