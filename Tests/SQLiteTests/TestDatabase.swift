import SQLite
import TestSupport

/// A database in a folder of its own, which goes with it.
final class TestDatabase: Sendable {
    let folder: Folder
    let path: String
    let database: Database

    init(_ change: (inout Database.Settings) -> Void = { _ in }) throws {
        folder = try Folder(inMemory: true)
        path = "\(folder.path)/test.sqlite"
        var settings = Database.Settings(path: path)
        change(&settings)
        database = try Database(settings)
    }

    /// Makes a table `item(id, body)`.
    func withItems() async throws -> TestDatabase {
        try await database.write { try $0.execute("CREATE TABLE item(id INTEGER PRIMARY KEY, body ANY) STRICT") }
        return self
    }
}

/// The error of a call, when it was one of SQLite's.
func failure<Result>(of call: () async throws -> Result) async -> SQLiteError.Kind? {
    do {
        _ = try await call()
        return nil
    } catch {
        return (error as? SQLiteError)?.kind
    }
}
