import Arguments
import Backup
import Encryption
import Foundation
import Persistence
import Settings
import Storage
import StoreSQLite
import Telemetry

/// Why there is nothing to look after; a sentence for the operator.
struct NothingKept: Error, CustomStringConvertible {
    let description: String

    static let memory = NothingKept(
        description: "With 'persistence.store: memory' nothing is kept that could be looked after.")
}

extension Installation {
    /// Opens what is kept, and does something with it.
    ///
    /// - Parameters:
    ///   - arguments: of the command.
    ///   - mayMake: whether a store that is not there is made.
    ///   - body: what is done.
    /// - Returns: the exit code: that of `body`, or of the reason why it could not be done, which has been said then.
    static func withStorage(
        _ arguments: Arguments, mayMake: Bool = false, _ body: (Storage) async throws -> Int32
    ) async -> Int32 {
        guard let settings = settings(arguments) else { return ExitCode.configuration }
        return await reporting { try await with(settings, mayMake: mayMake, body) }
    }

    /// Does something with what is kept, and closes it.
    ///
    /// - Throws: as ``open(_:mayMake:)``, and what `body` throws.
    static func with(
        _ settings: Settings, mayMake: Bool, _ body: (Storage) async throws -> Int32
    ) async throws -> Int32 {
        let storage = try await open(settings, mayMake: mayMake)
        return try await closing(storage.close) { try await body(storage) }
    }

    /// Does something with what is open, and closes it after that, whatever came of it.
    ///
    /// - Throws: what `body` throws.
    static func closing(_ close: () async -> Void, after body: () async throws -> Int32) async throws -> Int32 {
        do {
            let code = try await body()
            await close()
            return code
        } catch {
            await close()
            throw error
        }
    }

    /// Opens what the settings name, with the keys that are there: none are made.
    ///
    /// - Parameters:
    ///   - settings: of the installation.
    ///   - mayMake: whether a store that is not there is made.
    /// - Returns: what is open until it is closed.
    /// - Throws: ``NothingKept``, `KeyringError`, `StorageError`.
    static func open(_ settings: Settings, mayMake: Bool) async throws -> Storage {
        let persistence = settings.persistence
        guard persistence.store != .memory else { throw NothingKept.memory }
        // Lost keys are told of before a missing store, which cannot be made without them.
        _ = try settings.encryption.keyring()
        guard mayMake || persistence.store == .postgres || FileManager.default.fileExists(atPath: persistence.path)
        else {
            throw NothingKept(
                description:
                    "There is no store '\(persistence.path)' yet: a server makes it when it starts, and 'medstream migrate' does so now."
            )
        }
        return try await Storage.open(settings, for: .tool, log: Log(level: .warning))
    }

    /// Does something, and says why it could not be done.
    ///
    /// - Returns: the exit code.
    static func reporting(_ body: () async throws -> Int32) async -> Int32 {
        do {
            return try await body()
        } catch let error as KeyringError {
            return refuse(error)
        } catch let error as StorageError {
            Terminal().note("\(error)")
            return error.isPermanent ? ExitCode.configuration : ExitCode.unavailable
        } catch let error where error is NothingKept || error is StoreFileError {
            Terminal().note("\(error)")
            return ExitCode.configuration
        } catch let error as StoreError {
            Terminal().note(sentence(error))
            return ExitCode.unavailable
        } catch {
            // A backup's, or SQLite's, which name files and what is wrong with them.
            Terminal().note("\(error)")
            return ExitCode.failed
        }
    }

    private static func sentence(_ error: StoreError) -> String {
        switch error {
        case .unavailable(let cause): "The store cannot be reached or failed: \(cause)"
        case .full: "The store is full, or its disk is."
        case .notFound: "There is no such thing."
        case .conflict(let conflict): "What is stored says otherwise: \(conflict.rawValue)."
        }
    }
}
