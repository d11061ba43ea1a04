import Core
import Encryption
import Persistence
import PostgresSupport
import StoreConformance
import StorePostgres
import StoreSQLite
import TestSupport

extension StoreUnderTest {
    /// Every store there is; a new one is tested by adding a line.
    static let all = [memory, sqlite, postgres]

    /// A file of its own, in memory where the machine has such a disk.
    static let sqlite = StoreUnderTest("SQLite") { now in
        let folder = try Folder(inMemory: true)
        let keyring = try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
        return try await SQLiteStore(SQLiteStore.Settings(path: "\(folder.path)/store.sqlite"), keyring) {
            // The folder stays as long as the store.
            withExtendedLifetime(folder) { now() }
        }
    }

    static let postgres = StoreUnderTest("PostgreSQL") { now in
        let lease = try await TestDatabases.lease()
        // The store holds its clock, and with it the database.
        return PostgresStore(lease.database) {
            withExtendedLifetime(lease) { now() }
        }
    }
}
