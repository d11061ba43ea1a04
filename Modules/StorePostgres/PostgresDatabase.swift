public import Encryption
import Persistence
public import PostgreSQL

/// A database that has our tables, and a pool of connections to it: what store and queue are opened on.
public struct PostgresDatabase: Sendable {
    package let pool: Pool
    let keyring: Keyring
    /// Whether the two roles are there for us to take.
    let hasRoles: Bool

    /// Connects, brings the tables up to date and checks the keyring.
    ///
    /// Any number of processes may do so at once: one migrates, the others wait for it.
    ///
    /// - Parameters:
    ///   - address: where the database is.
    ///   - limits: of the pool.
    ///   - keyring: what rows are sealed with.
    /// - Returns: the database, whose pool is open as long as anyone holds it.
    /// - Throws: ``PostgresOpenError``, which says what to do.
    public static func open(
        _ address: ServerAddress, limits: Pool.Limits = Pool.Limits(), keyring: Keyring
    ) async throws(PostgresOpenError) -> PostgresDatabase {
        let pool = Pool(address, limits)
        do {
            var standing = try await pool.run(within: .seconds(10)) { session throws(PostgreSQLError) in
                try Standing(session)
            }
            try standing.check()
            if standing.needsMigration {
                let migrated = try await pool.run(within: .seconds(600)) { session throws(PostgreSQLError) in
                    try Migrator.migrate(session)
                }
                if let refusal = migrated { throw refusal }
                standing = try await pool.run(within: .seconds(10)) { session throws(PostgreSQLError) in
                    try Standing(session)
                }
            }
            try standing.checkProtection()
            let database = PostgresDatabase(pool: pool, keyring: keyring, hasRoles: standing.hasRoles)
            try await database.checkKeyring()
            return database
        } catch let error as PostgresOpenError {
            throw error
        } catch let error as PostgreSQLError {
            throw error.kind == .denied
                ? .notAllowed(error) : .unreachable(address: address.description, error)
        } catch {
            throw .unreachable(address: address.description, PostgreSQLError(.defect, "\(type(of: error))"))
        }
    }

    /// How many migrations are not done yet; nothing is changed.
    ///
    /// - Throws: ``PostgresOpenError``.
    public static func pendingMigrations(_ address: ServerAddress) async throws(PostgresOpenError) -> Int {
        let standing: Standing
        do {
            standing = try await Pool(address).run(within: .seconds(10)) { session throws(PostgreSQLError) in
                try Standing(session)
            }
        } catch {
            throw .unreachable(address: address.description, error)
        }
        try standing.check()
        return Migration.all.count - standing.done.count
    }

    private func checkKeyring() async throws(PostgresOpenError) {
        let identity = keyring.identity
        let known: String
        do throws(StoreError) {
            known = try await pool.run(as: .care, hasRoles: hasRoles, within: .seconds(10)) {
                transaction throws(StoreError) in
                let rows = try transaction.finish([
                    Statement(
                        "INSERT INTO medstream.meta VALUES ('keyring', $1) ON CONFLICT (name) DO NOTHING",
                        [.text(identity)]),
                    Statement("SELECT value FROM medstream.meta WHERE name = 'keyring'"),
                ])
                return try rows[1].first?.get(0, as: String.self) ?? identity
            }
        } catch {
            throw .unreachable(
                address: pool.address.description,
                error.cause ?? PostgreSQLError(.defect, "The keyring could not be checked"))
        }
        guard known == identity else { throw .wrongKey(rows: known, given: identity) }
    }
}

/// Why a database cannot be used; each says what to do.
public enum PostgresOpenError: Error, Sendable, CustomStringConvertible {
    case unreachable(address: String, PostgreSQLError)
    /// The role that connects may not do something that is needed.
    case notAllowed(PostgreSQLError)
    /// The server is older than what we use of it.
    case tooOld(version: String)
    /// A newer version of the product was here.
    case newerSchema(number: Int)
    /// A migration that was done is not the one we know by that number.
    case otherSchema(number: Int)
    /// Row-level security would not bind us.
    case unprotected(role: String)
    /// The rows were sealed with another keyring.
    case wrongKey(rows: String, given: String)

    public var description: String {
        switch self {
        case .unreachable(let address, let error):
            "The database at \(address) cannot be used: \(error). Check persistence.url, and that the server runs."
        case .notAllowed(let error):
            "The database role may not do what is needed: \(error). Let its owner run `medstream migrate` once, or grant it; see docs/postgresql.md."
        case .tooOld(let version): "PostgreSQL \(version) is too old: 14 or newer is needed."
        case .newerSchema(let number):
            "A newer version of Medstream has been here (migration \(number)). Run that version, or restore a backup made before it."
        case .otherSchema(let number):
            "Migration \(number) of this database is not ours. Check persistence.url; if it is right, restore a backup."
        case .unprotected(let role):
            "The role \(role) passes over row-level security and cannot take the role medstream_app. Let it create roles or grant it medstream_app and medstream_operator, or connect as a role without BYPASSRLS; see docs/postgresql.md."
        case .wrongKey(let rows, let given):
            "The rows were sealed with the keyring \(rows), and this is \(given). Give the key file that belongs to this database; without it its text cannot be read."
        }
    }
}
