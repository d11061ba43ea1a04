import Core
import Encryption
import Persistence
import PostgreSQL
import StorePostgres
import StoreSQLite

extension StoreTurns {
    /// A store of the kind that a name tells, sealed with keys of its own.
    static func open(_ kind: String, at place: String) async throws -> any ConversationStore {
        let keyring = try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
        switch kind {
        case "sqlite": return try await SQLiteStore(SQLiteStore.Settings(path: place, node: NodeID()), keyring)
        case "postgres":
            // What is measured is how much it takes, not how long it lets a caller wait.
            let limits = Pool.Limits(timeout: .seconds(30))
            let database = try await PostgresDatabase.open(ServerAddress(place), limits: limits, keyring: keyring)
            return PostgresStore(database, node: try await PostgresNode(joining: database))
        default: fatalError("no store is called '\(kind)'")
        }
    }
}
