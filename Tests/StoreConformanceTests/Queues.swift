import Encryption
import Persistence
import SQLite
import StoreConformance
import StoreSQLite
import TestSupport

extension QueueUnderTest {
    /// Every queue there is; a new one is tested by adding a line.
    static let all = [memory, sqlite]

    /// A file of its own; each process is a handle of its own.
    static let sqlite = QueueUnderTest("SQLite") { try SQLiteQueueFixture() }
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
