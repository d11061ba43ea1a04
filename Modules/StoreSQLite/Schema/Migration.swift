import Hashing
import SQLite

/// One step of the schema: numbered, never changed once it was released, and never undone.
struct Migration: Sendable {
    let number: Int
    let script: SQL

    /// What tells whether the script is the one that was run.
    var hash: String { SHA256.hex(of: script.text) }

    /// In their order; a new one is added at the end.
    static let all = [
        Migration(number: 1, script: Schema.first),
        Migration(number: 2, script: Schema.deletions),
    ]
}

extension Migration {
    /// Brings a database up to date, in one transaction; of several starters at once, one does it and the others see it.
    ///
    /// - Throws: ``StoreFileError``.
    static func run(_ migrations: [Migration], at time: Int64, in transaction: borrowing Transaction) throws {
        try transaction.execute(
            """
            CREATE TABLE IF NOT EXISTS migration(
                number INTEGER PRIMARY KEY NOT NULL, hash TEXT NOT NULL, done_at INTEGER NOT NULL) STRICT
            """)
        let done = try transaction.rows("SELECT number, hash FROM migration ORDER BY number") { row in
            (number: try row.int(0), hash: try row.text(1))
        }
        for (number, hash) in done {
            guard let known = migrations.first(where: { $0.number == number }) else {
                throw StoreFileError.newerSchema(number: number)
            }
            guard known.hash == hash else { throw StoreFileError.otherSchema(number: number) }
        }
        for migration in migrations where !done.contains(where: { $0.number == migration.number }) {
            try transaction.execute(migration.script)
            try transaction.run(
                "INSERT INTO migration(number, hash, done_at) VALUES (?, ?, ?)", migration.number, migration.hash, time)
        }
    }
}
