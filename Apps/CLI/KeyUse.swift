import Encryption
import SQLite

/// Counts what is sealed with a key, whatever table it stands in.
enum KeyUse {
    /// - Parameters:
    ///   - id: the key.
    ///   - path: a file of SQLite, which others may be using.
    /// - Returns: rows by table, of those tables that have any.
    /// - Throws: `SQLiteError`.
    static func rows(sealedWith id: KeyID, in path: String) async throws -> [String: Int] {
        let database = try Database(Database.Settings(path: path))
        do {
            let rows = try await rows(sealedWith: id, in: database)
            await database.close()
            return rows
        } catch {
            await database.close()
            throw error
        }
    }

    private static func rows(sealedWith id: KeyID, in database: Database) async throws -> [String: Int] {
        try await database.read(within: .seconds(3600)) { transaction in
            let columns = try transaction.rows(
                """
                SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
                WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                """
            ) { row in (table: try row.text(0), column: try row.text(1)) }
            var counts: [String: Int] = [:]
            for (table, column) in columns {
                // The first five bytes of every envelope are its version and the number of its key.
                let sql = SQL(
                    unchecked: """
                        SELECT count(*) FROM "\(table)"
                        WHERE typeof("\(column)") = 'blob' AND length("\(column)") >= \(Keyring.overhead)
                        AND substr("\(column)", 1, 5) = x'\(Keyring.head(of: id).map { $0.hexadecimal }.joined())'
                        """)
                let count = try transaction.row(sql) { try $0.int(0) } ?? 0
                if count > 0 { counts[table, default: 0] += count }
            }
            return counts
        }
    }
}

extension UInt8 {
    fileprivate var hexadecimal: String { (self < 16 ? "0" : "") + String(self, radix: 16) }
}
