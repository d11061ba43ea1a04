import Core
import Encryption
import Persistence
import StoreSQLite

extension StoreTurns {
    /// A store of the kind that a name tells, sealed with keys of its own.
    static func open(_ kind: String, at place: String) async throws -> any ConversationStore {
        let keyring = try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
        switch kind {
        case "sqlite": return try await SQLiteStore(SQLiteStore.Settings(path: place, node: NodeID()), keyring)
        default: fatalError("no store is called '\(kind)'")
        }
    }
}
