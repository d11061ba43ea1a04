import Core
import Encryption
import Persistence
import PostgreSQL
import SQLite
import StorePostgres
import StoreSQLite

extension QueueDrain {
    /// The store and the queue that a command line names.
    static func open(_ arguments: [String], _ keyring: Keyring) async throws -> (any Store, any JobQueue) {
        let place = arguments[2]
        switch arguments[1] {
        case "sqlite":
            let store = try await SQLiteStore(SQLiteStore.Settings(path: place, node: NodeID()), keyring)
            return (store, try await SQLiteQueue(store.database, keyring))
        case "postgres":
            guard arguments.count > 5 else { fatalError("usage: queue-drain postgres URL ROWS BYTES FILE") }
            let limits = Pool.Limits(timeout: .seconds(30))
            let database = try await PostgresDatabase.open(ServerAddress(place), limits: limits, keyring: keyring)
            let spool = try Database(Database.Settings(path: arguments[5]))
            let node = try await PostgresNode(joining: database)
            return (PostgresStore(database, node: node), try await SQLiteQueue(spool, keyring))
        default: fatalError("no store is called '\(arguments[1])'")
        }
    }
}
