import Core
import Persistence
import StoreConformance
import Synchronization
import Testing

@Suite("The store in memory", .timeLimit(.minutes(1)))
struct InMemoryStoreTests {
    private let user = UserID()
    private let hello = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "Hello")

    @Test("Past its conversations it refuses new ones until one is deleted")
    func conversations() async throws {
        let store = InMemoryStore(.init(conversations: 2, messages: 100, bytes: 1000))
        let first = try await store.begin(NewTurn(owner: user, subject: hello))
        let second = Conversation(owner: user, createdAt: .now)
        try await store.insert(second)
        try await store.insert(second)
        #expect(await refusal { try await store.insert(Conversation(owner: user, createdAt: .now)) } == .full)
        #expect(await refusal { try await store.begin(NewTurn(owner: user, subject: hello)) } == .full)
        _ = try await store.begin(NewTurn(owner: user, subject: .message(in: second.id, text: "More")))
        try await store.delete(first.turn.conversation, of: user)
        #expect(try await store.begin(NewTurn(owner: user, subject: hello)).isNew)
    }

    @Test("Past its messages it refuses a turn whole, and still takes what an open one says")
    func messages() async throws {
        let store = InMemoryStore(.init(conversations: 100, messages: 3, bytes: 1000))
        let turn = try await store.begin(NewTurn(owner: user, subject: hello))
        let next = NewTurn(
            owner: user, subject: .message(in: turn.turn.conversation, text: "More"), key: "1")
        #expect(await refusal { try await store.begin(next) } == .full)
        #expect(await refusal { try await store.begin(NewTurn(owner: user, subject: hello)) } == .full)
        #expect(try await store.allConversations(of: user).count == 1)
        #expect(try await store.allMessages(of: turn.turn.conversation, of: user).count == 2)
        try await store.finish(turn.answer, "Good morning")
        // One row more is room for another answer alone.
        #expect(try await store.begin(NewTurn(owner: user, subject: .retry(of: turn.turn.stream))).isNew)
        #expect(
            await refusal { try await store.begin(NewTurn(owner: user, subject: .retry(of: turn.turn.stream))) }
                == .full)
        let extra = Message(conversation: turn.turn.conversation, owner: user, role: .system, createdAt: .now)
        #expect(await refusal { try await store.save(extra) } == .full)
    }

    @Test("Bytes count while they are stored, in text and reasoning")
    func bytes() async throws {
        let store = InMemoryStore(.init(conversations: 100, messages: 100, bytes: 20))
        let turn = try await store.begin(NewTurn(owner: user, subject: hello))
        var answer = turn.answer
        answer.version = 2
        answer.text = "12345678"
        answer.reasoning = "éééé"
        #expect(await refusal { try await store.save(answer) } == .full)
        #expect(try await store.message(answer.id, of: user) == turn.answer)
        answer.reasoning = "1234567"
        #expect(try await store.save(answer))
        answer.version = 3
        answer.reasoning = ""
        #expect(try await store.save(answer))
        #expect(
            await refusal {
                try await store.begin(
                    NewTurn(owner: user, subject: .message(in: turn.turn.conversation, text: "12345678")))
            } == .full)
        try await store.delete(turn.turn.conversation, of: user)
        let long = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "12345678901234567890")
        #expect(try await store.begin(NewTurn(owner: user, subject: long)).isNew)
    }

    @Test("The jobs that follow a message are handed over when it is written, and once")
    func jobs() async throws {
        let taken = Mutex<[NewJob]>([])
        let store = InMemoryStore(enqueue: { jobs in taken.withLock { $0 += jobs } })
        var answer = try await store.begin(NewTurn(owner: user, subject: hello)).answer
        answer.version = 2
        let jobs = [NewJob(kind: .describeConversation), NewJob(kind: .optimise)]
        #expect(try await store.save(answer, then: jobs))
        #expect(try await !store.save(answer, then: jobs))
        #expect(taken.withLock { $0 } == jobs)
    }

    @Test("A repeated turn is found even when the store is full")
    func repetition() async throws {
        let store = InMemoryStore(.init(conversations: 1, messages: 2, bytes: 5))
        let turn = NewTurn(owner: user, subject: hello, key: "1")
        #expect(try await store.begin(turn).isNew)
        #expect(try await !store.begin(turn).isNew)
        #expect(try await !store.begin(NewTurn(owner: user, subject: hello, key: "1")).isNew)
    }
}
