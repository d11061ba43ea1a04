import Persistence
import PostgresSupport
import StoreConformance
import StorePostgres

extension StoreUnderTest {
    /// Every store there is; a new one is tested by adding a line.
    static let all = [memory, postgres]

    static let postgres = StoreUnderTest("PostgreSQL") { now in
        let lease = try await TestDatabases.lease()
        // The store holds its clock, and with it the database.
        return PostgresStore(lease.database) {
            withExtendedLifetime(lease) { now() }
        }
    }
}
