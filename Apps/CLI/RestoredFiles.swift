import Backup
import Encryption
import Foundation
import Persistence
import SQLite
import Storage
import StoreSQLite

/// Files of a backup that lie in a folder for now: whether they are fit to be a data directory.
struct RestoredFiles {
    let folder: String
    let keyring: Keyring

    init(_ folder: String, _ keyring: Keyring) { (self.folder, self.keyring) = (folder, keyring) }

    /// Opens the store with the keys and checks all of it, and of the other files what SQLite finds itself.
    ///
    /// - Throws: `BackupError` with what is wrong, or why a file cannot be opened.
    func judge() async throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where name.hasSuffix(".sqlite")
        {
            let path = "\(folder)/\(name)"
            let findings = try await name == Storage.storeFile ? check(path) : integrity(of: path)
            if let first = findings.first {
                throw BackupError.failed(
                    part: name, reason: "\(findings.count) things are wrong with it, such as: \(first)")
            }
            // What a migration wrote is in the file itself: the log beside it does not come along.
            let log = try? FileManager.default.attributesOfItem(atPath: "\(path)-wal")
            guard log?[.size] as? Int ?? 0 == 0 else {
                throw BackupError.failed(part: name, reason: "another program uses the folder '\(folder)'")
            }
        }
    }

    private func check(_ path: String) async throws -> [String] {
        let store = try await SQLiteStore(SQLiteStore.Settings(path: path), keyring)
        do {
            let findings = try await store.check().map(\.description)
            try await store.database.checkpoint()
            await store.close()
            return findings
        } catch {
            await store.close()
            throw error
        }
    }

    private func integrity(of path: String) async throws -> [String] {
        let database = try Database(Database.Settings(path: path))
        do {
            let findings = try await database.check(isThorough: true)
            try await database.checkpoint()
            await database.close()
            return findings
        } catch {
            await database.close()
            throw error
        }
    }
}
