import Encryption
import Persistence
import PostgreSQL
import PostgresSupport
import SQLite
import StoreConformance
import StorePostgres
import StoreSQLite
import TestSupport

extension QueueUnderTest {
    /// Every queue there is; a new one is tested by adding a line.
    static let all = [memory, sqlite, postgres]

    /// A file of its own; each process is a handle of its own.
    static let sqlite = QueueUnderTest("SQLite") { try SQLiteQueueFixture() }
}

extension QueueUnderTest {
    /// A database; each process is a queue on it.
    static let postgres = QueueUnderTest("PostgreSQL") {
        PostgresQueueFixture(lease: try await TestDatabases.lease())
    }
}

private struct SQLiteQueueFixture: QueueFixture {
    private let folder: Folder
    private let clocks = SetClocks()
    private let keyring: Keyring

    init() throws {
        folder = try Folder()
        keyring = try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
    }

    func open() async throws -> any JobQueue {
        let database = try Database(Database.Settings(path: "\(folder.path)/queue.sqlite"))
        return try await SQLiteQueue(database, keyring, clock: clocks.clock)
    }

    func pass(_ duration: Duration) async throws { clocks.pass(duration) }

    func setWallClock(by duration: Duration) async throws -> Bool {
        clocks.setWallClock(by: duration)
        return true
    }

    func restartMachine() async throws -> Bool {
        clocks.restartMachine()
        return true
    }
}

private struct PostgresQueueFixture: QueueFixture {
    let lease: TestDatabases.Lease

    func open() async throws -> any JobQueue { PostgresQueue(lease.database) }

    /// Nobody sets a server's clock; what happened is put back instead.
    func pass(_ duration: Duration) async throws {
        let seconds = Int(duration.components.seconds)
        try await lease.database.pool.run { session throws(PostgreSQLError) in
            _ = try session.run([
                Statement("SELECT set_config('medstream.operator', 'on', true)"),
                Statement(
                    """
                    UPDATE medstream.job SET created_at = created_at - $1 * interval '1 second',
                      waits_since = waits_since - $1 * interval '1 second', run_at = run_at - $1 * interval '1 second',
                      leased_at = leased_at - $1 * interval '1 second', lease_until = lease_until - $1 * interval '1 second'
                    """, [.int(seconds)]),
            ])
        }
    }

    func setWallClock(by duration: Duration) async throws -> Bool { false }

    func restartMachine() async throws -> Bool { false }
}
