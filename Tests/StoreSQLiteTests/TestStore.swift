import Core
import Encryption
import Persistence
import SQLite
@testable import StoreSQLite
import TestSupport

/// A folder with a store's file and keys, which several may open.
final class TestStore: Sendable {
    let folder: Folder
    let keyring: Keyring
    let path: String

    init(inMemory: Bool = true) throws {
        folder = try Folder(inMemory: inMemory)
        keyring = try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
        path = "\(folder.path)/store.sqlite"
    }

    func open(
        node: NodeID? = nil, keyring: Keyring? = nil, now: @escaping @Sendable () -> Timestamp = { .now },
        _ change: (inout SQLiteStore.Settings) -> Void = { _ in }
    ) async throws -> SQLiteStore {
        var settings = SQLiteStore.Settings(path: path, node: node)
        change(&settings)
        return try await SQLiteStore(settings, keyring ?? self.keyring, now: now)
    }

    func open(_ migrations: [Migration]) async throws -> SQLiteStore {
        try await SQLiteStore(SQLiteStore.Settings(path: path), keyring, now: { .now }, migrations: migrations)
    }
}

/// What opening was refused with; `nil` when it was not.
func opening(_ open: () async throws -> SQLiteStore) async -> StoreFileError? {
    do {
        await (try await open()).close()
        return nil
    } catch {
        return error as? StoreFileError
    }
}
