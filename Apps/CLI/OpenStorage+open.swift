import Core
import Encryption
import Foundation
import Persistence
import Settings
import Storage
import Telemetry

/// Why there is nothing to look after; a sentence for the operator.
struct NothingKept: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension OpenStorage {
    /// The names of the files beside the store's.
    private static let (spoolFile, journalFile) = ("spool.sqlite", "journal.sqlite")
    /// What the store's file is called in a backup, and in a data directory unless the settings say otherwise.
    static let storeFile = "medstream.sqlite"

    /// Opens what the settings name, with the keys that are there: none are made.
    ///
    /// - Parameters:
    ///   - settings: of the installation.
    ///   - mayMake: whether a store that is not there is made.
    /// - Returns: what is open until it is closed.
    /// - Throws: ``NothingKept``, `KeyringError`, `StorageError`.
    static func open(_ settings: Settings, mayMake: Bool) async throws -> OpenStorage {
        let persistence = settings.persistence
        guard persistence.store != .memory else {
            throw NothingKept("With 'persistence.store: memory' nothing is kept that could be looked after.")
        }
        let keyring = try settings.encryption.keyring()
        let isPostgres = persistence.store == .postgres
        guard isPostgres || mayMake || FileManager.default.fileExists(atPath: persistence.path) else {
            throw NothingKept(
                "There is no store '\(persistence.path)' yet: a server makes it when it starts, and 'medstream migrate' does so now."
            )
        }
        let storage = try await Storage.open(settings, for: .tool, log: Log(level: .warning))
        let beside = [journalFile, spoolFile].map { (name: $0, path: "\(settings.dataDirectory)/\($0)") }
            .filter { FileManager.default.fileExists(atPath: $0.path) }
        return OpenStorage(
            store: storage.store, keyring: storage.keyring ?? keyring,
            place: isPostgres ? "PostgreSQL" : persistence.path,
            isPostgres: isPostgres, queues: storage.queues.map(\.queue),
            files: beside + (isPostgres ? [] : [(storeFile, persistence.path)]), close: { await storage.close() })
    }
}
