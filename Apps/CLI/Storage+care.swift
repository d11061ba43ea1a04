import Backup
import Core
import Encryption
import Persistence
import SQLite
import Storage

/// What operators do with what is kept, beside servers and workers that use it.
extension Storage {
    /// What all of it is sealed with.
    func keys() throws(NothingKept) -> Keyring {
        guard let keyring else { throw .memory }
        return keyring
    }
}

// MARK: Keys

extension Storage {
    private static let stepRows = 500

    /// Seals anew what an older key sealed, until nothing is left or nothing more can be done.
    ///
    /// - Parameter report: is told how many rows are left after each step.
    /// - Returns: how many rows no key opens.
    /// - Throws: what the store or a queue throws.
    func reencrypt(_ report: (Int) -> Void) async throws -> Int {
        var unopened = 0
        for (_, queue) in queues {
            unopened += try await drain(report) { try await queue.reencrypt(limit: Self.stepRows) }
        }
        return try await unopened + drain(report) { try await store.reencrypt(limit: Self.stepRows) }
    }

    private func drain(_ report: (Int) -> Void, _ step: () async throws -> Int) async throws -> Int {
        var left = try await step()
        while left > 0 {
            report(left)
            let before = left
            left = try await step()
            // Rows that do not get fewer are stuck: no key opens them.
            guard left < before else { return left }
        }
        return 0
    }

    /// What is sealed with a key.
    ///
    /// - Returns: how many values, by where they stand; nothing when there are none.
    func uses(of key: KeyID) async throws -> [String: Int] {
        var uses: [String: Int] = [:]
        for (name, path) in files {
            for (table, rows) in try await KeyUse.rows(sealedWith: key, in: path) { uses["\(name), \(table)"] = rows }
        }
        // Whose tables cannot be looked through from here: what is not sealed with the current key needs another.
        if storePath == nil {
            var left = try await store.reencrypt(limit: 1)
            for (_, queue) in queues { left += try await queue.reencrypt(limit: 1) }
            uses["PostgreSQL"] = left > 0 ? left : nil
        }
        return uses
    }
}

// MARK: Copies and people

extension Storage {
    /// Copies of the files, each of one moment.
    var backupParts: [Backup.Part] {
        files.map { name, path in
            Backup.Part(name) { target in
                let database = try Database(Database.Settings(path: path))
                do {
                    try await database.backup(to: target)
                    await database.close()
                } catch {
                    await database.close()
                    throw error
                }
            }
        }
    }

    /// Deletes everything of a user, waiting jobs included.
    func deleteUser(_ id: UserID) async throws -> DeletionReceipt {
        // First the jobs: one that ran after the rows had gone would find nothing, and not be counted.
        var jobs = 0
        for (_, queue) in queues { jobs += try await queue.forget(group: id.text) }
        let receipt = try await store.deleteUser(id)
        return DeletionReceipt(user: id, at: receipt.at, rows: receipt.rows.merging(["job": jobs]) { $0 + $1 })
    }
}
