import Core
import Persistence
import StoreConformance
import TestSupport
import Testing

/// What every store must do when a turn begins.
@Suite("Any store begins a turn once", .timeLimit(.minutes(1)))
struct TurnTests {
    private static let hello = NewTurn.Subject.newConversation(kind: .onboarding, title: "Hello", text: "Hello there")

    @Test("A new conversation holds the message and an open answer", arguments: StoreUnderTest.all)
    func rows(store: StoreUnderTest) async throws {
        let time = SetTime()
        let store = try await store.make { time.now }
        let new = NewTurn(owner: UserID(), subject: Self.hello)
        let begun = try await store.begin(new)

        #expect(begun.isNew)
        #expect(begun.turn == new.names)
        let question = Message(
            id: new.names.userMessage, conversation: new.names.conversation, owner: new.owner, sequence: 1, role: .user,
            text: "Hello there", createdAt: time.now)
        let answer = Message(
            id: new.names.assistantMessage, conversation: new.names.conversation, owner: new.owner, sequence: 2,
            role: .assistant, state: .streaming, stream: new.names.stream, replyTo: question.id, createdAt: time.now)
        #expect(begun.question == question)
        #expect(begun.answer == answer)
        #expect(try await store.allMessages(of: begun.turn.conversation, of: new.owner) == [question, answer])
        #expect(try await store.message(question.id, of: new.owner) == question)
        #expect(try await store.answer(of: new.names.stream, of: new.owner) == answer)
        let conversation = try await store.conversation(begun.turn.conversation, of: new.owner)
        #expect(conversation.kind == .onboarding)
        #expect(conversation.title == "Hello")
        #expect(conversation.createdAt == time.now)
    }

    @Test("A retry answers the same message once more", arguments: StoreUnderTest.all)
    func retry(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let first = try await store.conversation(of: user)[0]
        let second = try await store.begin(NewTurn(owner: user, subject: .retry(of: first.turn.stream)))
        #expect(second.isNew)
        #expect(second.question == first.question)
        #expect(second.answer.replyTo == first.question.id)
        #expect(second.answer.retryOf == first.answer.id)
        #expect(second.answer.sequence == 3)
        #expect(second.turn.conversation == first.turn.conversation)
        #expect(second.turn.userMessage == first.turn.userMessage)
    }

    @Test("An answer still being written is not retried", arguments: StoreUnderTest.all)
    func retryTooSoon(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let first = try await store.begin(NewTurn(owner: user, subject: Self.hello))
        let retry = NewTurn(owner: user, subject: .retry(of: first.turn.stream), key: "1")
        #expect(await refusal { try await store.begin(retry) } == .conflict(.stillStreaming))
        try await store.finish(first.answer, "Done")
        #expect(try await store.begin(retry).isNew)
    }

    @Test(
        "Of calls at once with one key, one begins the turn and all name it",
        arguments: StoreUnderTest.all, 0..<100 as Range<UInt64>)
    func interleavings(store: StoreUnderTest, seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let store = try await store.made()
        let user = UserID()
        let place = try await store.conversation(of: user)[0]
        let subjects = [
            Self.hello, .message(in: place.turn.conversation, text: "Hello"), .retry(of: place.turn.stream),
        ]
        let subject = subjects[Int.random(in: 0..<3, using: &random)]
        let begun = await withTaskGroup(of: BegunTurn?.self) { group in
            for _ in 0..<Int.random(in: 2...8, using: &random) {
                let pauses = Int.random(in: 0...5, using: &random)
                group.addTask {
                    for _ in 0..<pauses { await Task.yield() }
                    return try? await store.begin(NewTurn(owner: user, subject: subject, key: "the key"))
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(begun.count { $0?.isNew == true } == 1)
        #expect(Set(begun.map { $0?.turn }).count == 1)
        let conversations = try await store.allConversations(of: user)
        #expect(conversations.count == (subject == Self.hello ? 2 : 1))
        let turn = try #require(begun.first??.turn)
        let messages = try await store.allMessages(of: turn.conversation, of: user)
        #expect(messages.count { $0.state == .streaming } == 1)
        #expect(messages.count == [2, 4, 3][subjects.firstIndex(of: subject) ?? 0])
    }

    @Test("The key names the answer as it is by now", arguments: StoreUnderTest.all)
    func join(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let first = try await store.begin(NewTurn(owner: user, subject: Self.hello, key: "1"))
        try await store.finish(first.answer, "Good morning")
        let second = try await store.begin(NewTurn(owner: user, subject: Self.hello, key: "1"))
        #expect(!second.isNew)
        #expect(second.turn == first.turn)
        #expect(second.question == first.question)
        #expect(second.answer.text == "Good morning")
    }

    @Test("A key that comes with something else is a conflict and writes nothing", arguments: StoreUnderTest.all)
    func otherSubject(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let first = try await store.begin(NewTurn(owner: user, subject: Self.hello, key: "1"))
        try await store.finish(first.answer, "Done")
        let others: [NewTurn.Subject] = [
            .newConversation(kind: .onboarding, title: "Hello", text: "Hello  there"),
            .newConversation(kind: .chat, title: "Hello", text: "Hello there"),
            .message(in: first.turn.conversation, text: "Hello there"), .retry(of: first.turn.stream),
        ]
        for other in others {
            let turn = NewTurn(owner: user, subject: other, key: "1")
            #expect(await refusal { try await store.begin(turn) } == .conflict(.key))
        }
        #expect(try await store.allConversations(of: user).count == 1)
        #expect(try await store.allMessages(of: first.turn.conversation, of: user).count == 2)
    }

    @Test(
        "A key is remembered until its retention ends", arguments: StoreUnderTest.all,
        [
            (Duration.seconds(10), Int64(9_999), false), (.seconds(10), 10_000, true), (.zero, 0, true),
            (.seconds(Int64.max), 1 << 50, false),
        ])
    func retention(store: StoreUnderTest, age: (Duration, Int64, isNew: Bool)) async throws {
        let time = SetTime()
        let store = try await store.make { time.now }
        let user = UserID()
        func turn() -> NewTurn { NewTurn(owner: user, subject: Self.hello, key: "1", keyRetention: age.0) }
        let first = try await store.begin(turn())
        time.move(by: age.1)
        let second = try await store.begin(turn())
        #expect(second.isNew == age.isNew)
        #expect((second.turn == first.turn) != age.isNew)
    }

    @Test("A released key begins a new turn, and only the turn it names can release it", arguments: StoreUnderTest.all)
    func release(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        func begin() async throws -> BegunTurn {
            try await store.begin(NewTurn(owner: user, subject: Self.hello, key: "1"))
        }
        let first = try await begin()
        let other = try await store.conversation(of: user)[0]
        try await store.release("1", from: other.turn, of: user)
        try await store.release("1", from: first.turn, of: UserID())
        try await store.release("2", from: first.turn, of: user)
        #expect(try await !begin().isNew)
        try await store.release("1", from: first.turn, of: user)
        let second = try await begin()
        #expect(second.isNew)
        #expect(second.turn != first.turn)
        // Released a second time, as after an unknown outcome, it stays with the new turn.
        try await store.release("1", from: first.turn, of: user)
        #expect(try await !begin().isNew)
        #expect(try await store.allMessages(of: first.turn.conversation, of: user).count == 2)
        try await store.delete(first.turn.conversation, of: user)
        #expect(try await begin().turn == second.turn)
    }

    @Test("The same turn by its names is begun once, key or none", arguments: StoreUnderTest.all, [nil, "1"])
    func repetition(store: StoreUnderTest, key: String?) async throws {
        let time = SetTime()
        let store = try await store.make { time.now }
        let user = UserID()
        let first = try await store.conversation(of: user)[0]
        for subject in [
            Self.hello, .message(in: first.turn.conversation, text: "Hello"), .retry(of: first.turn.stream),
        ] {
            let turn = NewTurn(
                owner: user, subject: subject, key: key.map { "\($0) \(subject)" }, keyRetention: .seconds(1))
            let begun = try await store.begin(turn)
            #expect(begun.isNew)
            // Past its retention the key says nothing, and the names still do.
            time.move(by: 5000)
            let again = try await store.begin(turn)
            #expect(!again.isNew)
            #expect(again.turn == begun.turn)
            #expect(again.answer == begun.answer)
        }
        #expect(try await store.allConversations(of: user).count == 2)
        #expect(try await store.allMessages(of: first.turn.conversation, of: user).count == 5)
    }

    @Test(
        "Names that other rows of the user have are a conflict, and nothing is written", arguments: StoreUnderTest.all)
    func takenNames(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let first = try await store.conversation(of: user)[0]
        let fresh = MessageID()
        let names = [
            TurnReference(userMessage: first.turn.userMessage), TurnReference(userMessage: first.turn.assistantMessage),
            TurnReference(assistantMessage: first.turn.assistantMessage), TurnReference(stream: first.turn.stream),
            TurnReference(assistantMessage: first.turn.userMessage),
            TurnReference(userMessage: fresh, assistantMessage: fresh),
        ]
        for names in names {
            for subject in [Self.hello, .message(in: first.turn.conversation, text: "Hello")] {
                let turn = NewTurn(owner: user, subject: subject, key: "1", names: names)
                #expect(await refusal { try await store.begin(turn) } == .conflict(.identifier))
            }
        }
        let taken = NewTurn(
            owner: user, subject: Self.hello, names: TurnReference(conversation: first.turn.conversation))
        #expect(await refusal { try await store.begin(taken) } == .conflict(.identifier))
        #expect(try await store.allConversations(of: user).count == 1)
        #expect(try await store.allMessages(of: first.turn.conversation, of: user).count == 2)
        #expect(try await store.begin(NewTurn(owner: user, subject: Self.hello, key: "1")).isNew)
    }

    @Test("Turns begun at once number their messages without a gap", arguments: StoreUnderTest.all)
    func sequences(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let place = Conversation(owner: user, createdAt: .now)
        try await store.insert(place)
        await withTaskGroup { group in
            for number in 0..<64 {
                group.addTask {
                    let subject = NewTurn.Subject.message(in: place.id, text: String(number))
                    guard let turn = try? await store.begin(NewTurn(owner: user, subject: subject)) else { return }
                    try? await store.finish(turn.answer, "answer to \(number)")
                }
            }
        }
        let messages = try await store.allMessages(of: place.id, of: user)
        #expect(messages.map(\.sequence) == Array(1...128))
        let byID = Dictionary(uniqueKeysWithValues: messages.map { ($0.id, $0) })
        for answer in messages where answer.role == .assistant {
            let question = try #require(answer.replyTo.flatMap { byID[$0] })
            #expect(question.sequence < answer.sequence)
            #expect(answer.text == "answer to \(question.text)")
        }
    }
}
