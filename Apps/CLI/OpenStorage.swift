import Backup
import Core
import Encryption
import Persistence
import SQLite
import Settings

/// What is kept, opened for an operator beside servers and workers that use it.
struct OpenStorage {
    let store: any Store
    let keyring: Keyring
    /// Where it is, without any password.
    let place: String
    let isPostgres: Bool
    /// Queues whose payloads are sealed, and whose jobs belong to users.
    let queues: [any JobQueue]
    /// Files of SQLite in the data directory by the names they have in a backup, the one of the store last.
    let files: [(name: String, path: String)]
    /// Ends what was opened.
    let close: () async -> Void
}

// MARK: Keys

extension OpenStorage {
    private static let stepRows = 500

    /// Seals anew what an older key sealed, until nothing is left or nothing more can be done.
    ///
    /// - Parameter report: is told how many rows are left after each step.
    /// - Returns: how many rows no key opens.
    /// - Throws: what the store or a queue throws.
    func reencrypt(_ report: (Int) -> Void) async throws -> Int {
        var unopened = 0
        for queue in queues { unopened += try await drain(report) { try await queue.reencrypt(limit: Self.stepRows) } }
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
        if isPostgres {
            var left = try await store.reencrypt(limit: 1)
            for queue in queues { left += try await queue.reencrypt(limit: 1) }
            uses["PostgreSQL"] = left > 0 ? left : nil
        }
        return uses
    }
}

// MARK: Copies and people

extension OpenStorage {
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
        for queue in queues { jobs += try await queue.forget(group: id.text) }
        let receipt = try await store.deleteUser(id)
        return DeletionReceipt(user: id, at: receipt.at, rows: receipt.rows.merging(["job": jobs]) { $0 + $1 })
    }
}
