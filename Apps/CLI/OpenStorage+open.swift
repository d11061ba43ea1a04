import Core
import Encryption
import Foundation
import Persistence
import SQLite
import Settings
import StoreSQLite

/// Why there is nothing to look after; a sentence for the operator.
struct NothingKept: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension OpenStorage {
    /// The names of the files beside the store's.
    private static let (spoolFile, journalFile) = ("spool.sqlite", "journal.sqlite")
    static let storeFile = "medstream.sqlite"

    /// Opens what the settings name, with the keys that are there: none are made.
    ///
    /// - Parameter mayMake: whether a store that is not there is made.
    /// - Throws: ``NothingKept``, `KeyringError`, `StoreFileError`.
    static func open(_ settings: Settings, mayMake: Bool) async throws -> OpenStorage {
        let persistence = settings.persistence
        guard persistence.store != .memory else {
            throw NothingKept("With 'persistence.store: memory' nothing is kept that could be looked after.")
        }
        let keyring = try settings.encryption.keyring()
        let beside = [journalFile, spoolFile].map { (name: $0, path: "\(settings.dataDirectory)/\($0)") }
            .filter { FileManager.default.fileExists(atPath: $0.path) }
        return try await sqlite(persistence.path, keyring, beside, mayMake: mayMake)
    }

    private static func sqlite(
        _ path: String, _ keyring: Keyring, _ beside: [(name: String, path: String)], mayMake: Bool
    ) async throws -> OpenStorage {
        guard mayMake || FileManager.default.fileExists(atPath: path) else {
            throw NothingKept(
                "There is no store '\(path)' yet: a server makes it when it starts, and 'medstream migrate' does so now.")
        }
        let store = try await SQLiteStore(SQLiteStore.Settings(path: path), keyring)
        do {
            return OpenStorage(
                store: store, keyring: keyring, place: path, isPostgres: false,
                queues: [try await SQLiteQueue(store.database, keyring)], files: beside + [(storeFile, path)],
                close: { await store.close() })
        } catch {
            await store.close()
            throw error
        }
    }
}
