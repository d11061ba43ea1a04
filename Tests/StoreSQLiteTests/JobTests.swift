import Core
import Persistence
import StoreConformance
import StoreSQLite
import TestSupport
import Testing

@Suite("A message and the jobs that follow it", .timeLimit(.minutes(1)))
struct JobTests {
    @Test("They are stored together, once, and not at all when the message is refused")
    func together() async throws {
        let test = try TestStore()
        let store = try await test.open()
        let queue = try await SQLiteQueue(store.database, test.keyring)
        let user = UserID()
        var answer = try await store.conversation(of: user)[0].answer
        answer.version = Message.finalVersion + 1
        let jobs = [
            NewJob(kind: .describeConversation, payload: [1, 2, 3]), NewJob(kind: .optimise, group: user.text),
        ]
        #expect(try await store.save(answer, then: jobs))
        #expect(try await !store.save(answer, then: jobs + [NewJob(kind: .purge)]))
        var foreign = Message(
            id: answer.id, conversation: answer.conversation, owner: UserID(), role: .assistant, createdAt: .now)
        foreign.version = .max
        #expect(await refusal { try await store.save(foreign, then: [NewJob(kind: .purge)]) } == .notFound)
        let stored = try await queue.jobs(in: .ready, of: nil, after: nil, limit: 9).items
        #expect(Set(stored.map(\.id)) == Set(jobs.map(\.id)))
        #expect(try await queue.reveal(jobs[0].id, by: "test") == [1, 2, 3])

        let receipt = try await store.deleteUser(user)
        #expect(receipt.rows["job"] == 1)
        #expect(try await queue.jobs(in: .ready, of: nil, after: nil, limit: 9).items.map(\.id) == [jobs[0].id])
        await store.close()
    }
}
