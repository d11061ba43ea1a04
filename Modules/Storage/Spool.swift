import Encryption
public import Persistence
import SQLite
public import Settings
import StoreSQLite

/// The queue on this machine's own disk, where turns wait while PostgreSQL cannot be reached.
public struct Spool: Sendable {
    public let queue: any JobQueue
    let file: Database

    static let name = "spool.sqlite"

    init(in directory: DataDirectory, _ keyring: Keyring) async throws {
        file = try Database(Database.Settings(path: directory.file(Self.name)))
        queue = try await SQLiteQueue(file, keyring)
    }

    /// Opens it by itself, with the keys that are there, so that it can be looked after during an outage.
    ///
    /// - Returns: `nil` where the settings or this machine have none.
    /// - Throws: ``StorageError``.
    public static func open(_ settings: Settings) async throws(StorageError) -> Spool? {
        let directory = try DataDirectory(settings.dataDirectory)
        guard settings.persistence.store == .postgres, DataDirectory.isThere(directory.file(name)) else { return nil }
        let keyring: Keyring
        do throws(KeyringError) { keyring = try settings.encryption.keyring() } catch { throw .keyring(error) }
        do { return try await Spool(in: directory, keyring) } catch { throw .store("\(error)") }
    }

    public func close() async { await file.close() }
}
