import SQLite

/// The same rows moved by nothing but SQLite: a lease, the writes and the end of 500 rows in one commit each.
struct Floor {
    private let database: Database
    private let rows: Int
    private let bytes: Int
    private static let batch = 500

    init(_ path: String, rows: Int, bytes: Int) throws {
        database = try Database(Database.Settings(path: path))
        self.rows = rows
        self.bytes = bytes
    }

    func rate() async throws -> Double {
        let (rows, bytes) = (rows, bytes)
        try await database.write { transaction in
            try transaction.execute(
                """
                CREATE TABLE job(place INTEGER PRIMARY KEY, id TEXT UNIQUE, lease TEXT, payload BLOB);
                CREATE INDEX due ON job(place) WHERE lease IS NULL;
                CREATE TABLE message(id TEXT PRIMARY KEY, body BLOB)
                """)
            for number in 0..<rows {
                let (id, body) = ("0199a2f4-0000-7000-8000-\(number)", [UInt8](repeating: 7, count: bytes))
                try transaction.run("INSERT INTO job(id, payload) VALUES (?, ?)", id, body)
                try transaction.run("INSERT INTO message(id, body) VALUES (?, ?)", id, [UInt8]())
            }
        }
        let took = try await seconds { while try await moveBatch() > 0 {} }
        return Double(rows) / took
    }

    private func moveBatch() async throws -> Int {
        let leased = try await database.write { transaction in
            let places = try transaction.rows(
                "SELECT place FROM job INDEXED BY due WHERE lease IS NULL ORDER BY place LIMIT ?", Self.batch
            ) { row in try row.int(0) }
            var leased: [(id: String, payload: [UInt8])] = []
            for place in places {
                let row = try transaction.row(
                    "UPDATE job SET lease = 'x' WHERE place = ? RETURNING id, payload", place
                ) { row in (id: try row.text(0), payload: try row.blob(1)) }
                if let row { leased.append(row) }
            }
            return leased
        }
        try await database.write { transaction in
            for (id, payload) in leased {
                try transaction.run(
                    "INSERT INTO message(id, body) VALUES (?, ?) ON CONFLICT(id) DO UPDATE SET body = excluded.body",
                    id,
                    payload)
            }
        }
        try await database.write { transaction in
            for (id, _) in leased { try transaction.run("DELETE FROM job WHERE id = ? AND lease = 'x'", id) }
        }
        return leased.count
    }
}
