import Core
import Persistence
import StoreConformance
import Testing

/// What every store must do for one user against another.
@Suite("Any store keeps each row for its owner", .timeLimit(.minutes(1)))
struct OwnershipTests {
    /// A call that names rows by id.
    struct Call: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let make: @Sendable (any ConversationStore, BegunTurn, UserID) async throws -> Void

        init(
            _ name: String, _ make: @escaping @Sendable (any ConversationStore, BegunTurn, UserID) async throws -> Void
        ) {
            testDescription = name
            self.make = make
        }
    }

    static let calls = [
        Call("read") { _ = try await $0.conversation($1.turn.conversation, of: $2) },
        Call("rename") { try await $0.rename($1.turn.conversation, to: "Mine now", of: $2) },
        Call("describe") { try await $0.describe($1.turn.conversation, title: "Mine", summary: "Mine", of: $2) },
        Call("delete") { try await $0.delete($1.turn.conversation, of: $2) },
        Call("say something") {
            _ = try await $0.begin(NewTurn(owner: $2, subject: .message(in: $1.turn.conversation, text: "Me too")))
        },
        Call("retry") { _ = try await $0.begin(NewTurn(owner: $2, subject: .retry(of: $1.turn.stream))) },
        Call("overwrite an answer") { store, turn, user in
            try await store.save(copy(of: turn.answer, for: user, id: turn.answer.id, in: turn.turn.conversation))
        },
        Call("add a message") { store, turn, user in
            try await store.save(copy(of: turn.answer, for: user, id: MessageID(), in: turn.turn.conversation))
        },
        Call("read a message") { _ = try await $0.message($1.turn.userMessage, of: $2) },
        Call("read an answer") { _ = try await $0.answer(of: $1.turn.stream, of: $2) },
        Call("read on") { _ = try await $0.messages(of: $1.turn.conversation, of: $2, after: nil, limit: 10) },
        Call("read back") { _ = try await $0.messages(of: $1.turn.conversation, of: $2, before: nil, limit: 10) },
        Call("recall") { _ = try await $0.history(of: $1.turn.conversation, of: $2, before: .max, limit: .max) },
    ]

    /// A call that would make rows of ids that another user's rows have.
    static let takings = [
        Call("take a conversation's id") {
            try await $0.insert(Conversation(id: $1.turn.conversation, owner: $2, kind: .chat, createdAt: .now))
        },
        Call("begin a conversation of this id") {
            try await begin($0, $2, TurnReference(conversation: $1.turn.conversation))
        },
        Call("ask with the question's id") { try await begin($0, $2, TurnReference(userMessage: $1.turn.userMessage)) },
        Call("ask with the answer's id") {
            try await begin($0, $2, TurnReference(assistantMessage: $1.turn.assistantMessage, stream: $1.turn.stream))
        },
        Call("ask with the stream") { try await begin($0, $2, TurnReference(stream: $1.turn.stream)) },
        Call("save with the stream") { store, turn, user in
            let own = try await store.conversation(of: user)[0]
            var message = copy(of: own.answer, for: user, id: MessageID(), in: own.turn.conversation)
            message.stream = turn.turn.stream
            try await store.save(message)
        },
        Call("save as a reply to it") { store, turn, user in
            let own = try await store.conversation(of: user)[0]
            try await store.save(
                Message(
                    conversation: own.turn.conversation, owner: user, role: .assistant,
                    replyTo: turn.turn.userMessage, createdAt: .now))
        },
    ]

    @Test("Another user's row is answered like one that never was", arguments: StoreUnderTest.all, calls + takings)
    func stranger(store: StoreUnderTest, call: Call) async throws {
        let store = try await store.made()
        let owner = UserID()
        let turn = try await store.conversation(of: owner)[0]
        let conversations = try await store.allConversations(of: owner)
        let messages = try await store.allMessages(of: turn.turn.conversation, of: owner)

        #expect(await refusal { try await call.make(store, turn, UserID()) } == .notFound)

        #expect(try await store.allConversations(of: owner) == conversations)
        #expect(try await store.allMessages(of: turn.turn.conversation, of: owner) == messages)
    }

    @Test("A row that never was is not found", arguments: StoreUnderTest.all, calls)
    func unknown(store: StoreUnderTest, call: Call) async throws {
        let elsewhere = try await InMemoryStore().conversation(of: UserID())[0]
        let store = try await store.made()
        #expect(await refusal { try await call.make(store, elsewhere, UserID()) } == .notFound)
    }

    @Test("The owner may do all of it", arguments: StoreUnderTest.all, calls)
    func owner(store: StoreUnderTest, call: Call) async throws {
        let store = try await store.made()
        let owner = UserID()
        let turn = try await store.conversation(of: owner)[0]
        #expect(await refusal { try await call.make(store, turn, owner) } == nil)
    }

    @Test("A list shows the user's own conversations", arguments: StoreUnderTest.all)
    func lists(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let users = [UserID(), UserID(), UserID()]
        var own: [UserID: [ConversationID]] = [:]
        for round in 0..<12 {
            let user = users[round % 2]
            own[user, default: []].insert(try await store.conversation(of: user)[0].turn.conversation, at: 0)
        }
        for user in users {
            #expect(try await store.allConversations(of: user, limit: 4).map(\.id) == own[user] ?? [])
        }
    }

    @Test("Two users may use the same key", arguments: StoreUnderTest.all)
    func keys(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "Good morning")
        let first = try await store.begin(NewTurn(owner: UserID(), subject: subject, key: "1"))
        let second = try await store.begin(NewTurn(owner: UserID(), subject: subject, key: "1"))
        #expect(first.isNew && second.isNew)
        #expect(first.turn.conversation != second.turn.conversation)
    }

    private static func begin(_ store: any ConversationStore, _ user: UserID, _ names: TurnReference) async throws {
        let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "Mine")
        _ = try await store.begin(NewTurn(owner: user, subject: subject, names: names))
    }

    private static func copy(
        of message: Message, for user: UserID, id: MessageID, in conversation: ConversationID
    ) -> Message {
        Message(
            id: id, conversation: conversation, owner: user, role: .assistant, text: "Overwritten",
            version: Message.finalVersion, createdAt: message.createdAt)
    }
}
