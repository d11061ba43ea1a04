import Core
import Persistence
import SQLite
import StoreConformance
import StoreSQLite
import TestSupport
import Testing

@Suite("A deletion in a file", .timeLimit(.minutes(1)))
struct DeletionTests {
    @Test("One that fails before it is noted is made again, and noted then", arguments: [1, 50, 51, 60, 100])
    func brokenOff(conversations: Int) async throws {
        let test = try TestStore()
        let store = try await test.open()
        let user = UserID()
        for _ in 0..<conversations { try await store.insert(Conversation(owner: user, createdAt: .now)) }
        try await store.database.write { transaction in
            try transaction.execute(
                """
                CREATE TRIGGER broken BEFORE INSERT ON deletion BEGIN SELECT RAISE(ABORT, 'broken off'); END
                """)
        }
        #expect(await refusal { try await store.deleteUser(user) } == .unavailable)
        #expect(try await !store.allConversations(of: user).isEmpty)
        try await store.database.write { transaction in try transaction.execute("DROP TRIGGER broken") }
        let receipt = try await store.deleteUser(user)
        #expect(!receipt.rows.isEmpty)
        #expect(try await store.deletions(after: 0, limit: 9).map(\.receipt) == [receipt])
        #expect(try await store.allConversations(of: user) == [])
        await store.close()
    }
}
