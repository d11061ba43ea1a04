import Core
import Persistence
import StoreConformance
import TestSupport
import Testing

/// What every store must do with messages.
@Suite("Any store keeps messages", .timeLimit(.minutes(1)))
struct MessageTests {
    @Test(
        "The highest version stands, in whatever order and however often the versions come",
        arguments: StoreUnderTest.all, 0..<100 as Range<UInt64>)
    func versions(store: StoreUnderTest, seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let store = try await store.made()
        let user = UserID()
        let answer = try await store.begin(
            NewTurn(owner: user, subject: .newConversation(kind: .chat, title: "", text: "Go"))
        ).answer
        let last = Int.random(in: 2...9, using: &random)
        var versions = Array(2...last) + [last]
        versions.shuffle(using: &random)
        let isAtOnce = Bool.random(using: &random)
        await withTaskGroup { group in
            for version in versions {
                var message = answer
                message.text = "version \(version)"
                message.version = version
                group.addTask { [message] in _ = try? await store.save(message) }
                if !isAtOnce { await group.next() }
            }
        }
        var expected = answer
        expected.text = "version \(last)"
        expected.version = last
        #expect(try await store.message(answer.id, of: user) == expected)
    }

    @Test("A save says whether it was written", arguments: StoreUnderTest.all)
    func fencing(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let turn = try await store.conversation(of: user)[0]
        var late = turn.answer
        late.text = "A checkpoint that comes late"
        late.version = 2
        #expect(try await !store.save(late))
        #expect(try await store.message(late.id, of: user).text == "answer 1")
        late.version = Message.finalVersion
        #expect(try await !store.save(late))
        #expect(try await store.message(late.id, of: user).text == "answer 1")
    }

    @Test("All that an answer tells is kept", arguments: StoreUnderTest.all)
    func fields(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        var answer = try await store.begin(
            NewTurn(owner: user, subject: .newConversation(kind: .chat, title: "", text: "Go"))
        ).answer
        for outcome in Outcome.allCases {
            answer.text += "Rest. "
            answer.reasoning += "Since "
            answer.state = .final
            answer.outcome = outcome
            answer.lastOffset = (answer.lastOffset ?? 40) + 1
            answer.provider = "main"
            answer.model = "a-model"
            answer.usage = Usage(
                input: 1, output: 2, total: 3, reasoning: nil, cachedInput: 0, cacheWrite: 1, isEstimated: true)
            answer.cost = Cost(micros: 1_250, currency: "EUR", isEstimated: true)
            answer.spans = [
                AnswerSpan(provider: "backup", model: "b", usage: answer.usage, cost: answer.cost),
                AnswerSpan(provider: "main", model: "a-model", offset: 7),
            ]
            answer.version += 1
            #expect(try await store.save(answer))
            #expect(try await store.message(answer.id, of: user) == answer)
            #expect(try await store.answer(of: try #require(answer.stream), of: user) == answer)
        }
    }

    @Test("What cannot change stays", arguments: StoreUnderTest.all)
    func constants(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let turns = try await store.conversation(of: user, turns: 2)
        let stored = try await store.message(turns[1].answer.id, of: user)
        let changed = Message(
            id: stored.id, conversation: stored.conversation, owner: user, sequence: 1, role: .assistant, text: "New",
            version: Message.finalVersion + 1, replyTo: turns[0].question.id, retryOf: turns[0].answer.id,
            createdAt: Timestamp(milliseconds: 1))
        #expect(try await store.save(changed))
        var expected = stored
        expected.text = "New"
        expected.outcome = nil
        expected.version = changed.version
        #expect(try await store.message(stored.id, of: user) == expected)
        #expect(try await store.answer(of: turns[1].turn.stream, of: user) == expected)
    }

    @Test("A message without a turn goes to the end", arguments: StoreUnderTest.all)
    func appended(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let turn = try await store.conversation(of: user)[0]
        let greeting = Message(
            conversation: turn.turn.conversation, owner: user, sequence: 1, role: .assistant, text: "Anything else?",
            stream: StreamID(), createdAt: .now)
        #expect(try await store.save(greeting))
        #expect(try await !store.save(greeting))
        var expected = greeting
        expected.sequence = 3
        #expect(try await store.message(greeting.id, of: user) == expected)
        #expect(try await store.answer(of: try #require(greeting.stream), of: user) == expected)
    }

    @Test("A save that contradicts what is stored is refused and writes nothing", arguments: StoreUnderTest.all)
    func contradictions(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let here = try await store.conversation(of: user)[0]
        let there = try await store.conversation(of: user)[0]
        func message(
            _ id: MessageID, in turn: BegunTurn, _ role: Prompt.Role = .assistant, stream: StreamID? = nil,
            replyTo: MessageID? = nil, retryOf: MessageID? = nil
        ) -> Message {
            Message(
                id: id, conversation: turn.turn.conversation, owner: user, role: role, text: "Wrong", stream: stream,
                version: .max, replyTo: replyTo, retryOf: retryOf, createdAt: .now)
        }
        let conflicts = [
            message(here.answer.id, in: there), message(here.answer.id, in: here, .user),
            message(here.answer.id, in: here, stream: StreamID()),
            message(here.answer.id, in: here, stream: there.turn.stream),
            message(here.question.id, in: here, .user, stream: there.turn.stream),
            message(MessageID(), in: here, stream: here.turn.stream),
        ]
        for conflict in conflicts {
            #expect(await refusal { try await store.save(conflict) } == .conflict(.identifier))
        }
        let lost = [
            message(MessageID(), in: here, replyTo: MessageID()),
            message(MessageID(), in: here, replyTo: there.question.id),
            message(MessageID(), in: here, replyTo: here.answer.id),
            message(MessageID(), in: here, replyTo: here.question.id, retryOf: there.answer.id),
            message(MessageID(), in: here, replyTo: here.question.id, retryOf: here.question.id),
        ]
        for lost in lost { #expect(await refusal { try await store.save(lost) } == .notFound) }
        for turn in [here, there] {
            let messages = try await store.allMessages(of: turn.turn.conversation, of: user)
            #expect(messages.map(\.text) == ["question 1", "answer 1"])
        }
    }

    @Test(
        "Text is kept to the byte", arguments: StoreUnderTest.all,
        [
            "é", "e\u{301}", "\u{0}a\u{0}", "\u{FEFF}BOM", "a\r\nb\rc\n", "👩🏽‍⚕️👨‍👩‍👧‍👦", "شكوى", "\u{202E}back",
            "\u{FFFF}\u{10FFFF}",
            "' OR 1=1; -- \\ %s \"", "  ", "\u{2028}\u{85}", String(repeating: "µg ", count: 100_000),
        ])
    func exactness(store: StoreUnderTest, text: String) async throws {
        let store = try await store.made()
        let user = UserID()
        let subject = NewTurn.Subject.newConversation(kind: .chat, title: String(text.prefix(100)), text: text)
        let turn = try await store.begin(NewTurn(owner: user, subject: subject, key: text))
        var answer = turn.answer
        answer.text = text
        answer.reasoning = text + "."
        answer.provider = text
        answer.version += 1
        try await store.save(answer)
        let question = try await store.message(turn.turn.userMessage, of: user)
        let read = try await store.message(answer.id, of: user)
        // Strings that only look alike are equal to `==`.
        #expect(Array(question.text.utf8) == Array(text.utf8))
        #expect(Array(read.text.utf8) == Array(text.utf8))
        #expect(Array(read.reasoning.utf8) == Array((text + ".").utf8))
        #expect(read.provider.map { Array($0.utf8) } == Array(text.utf8))
        let title = try await store.conversation(turn.turn.conversation, of: user).title
        #expect(Array(title.utf8) == Array(String(text.prefix(100)).utf8))
    }

    @Test("Pages in either direction make up the conversation", arguments: StoreUnderTest.all, [1, 2, 5, 14, 15, .max])
    func paging(store: StoreUnderTest, limit: Int) async throws {
        let store = try await store.made()
        let user = UserID()
        let id = try await store.conversation(of: user, turns: 7)[0].turn.conversation
        let forwards = try await store.allMessages(of: id, of: user, limit: limit)
        #expect(forwards.map(\.sequence) == Array(1...14))
        var backwards: [Message] = []
        var pages = 0
        var cursor: String?
        repeat {
            let page = try await store.messages(of: id, of: user, before: cursor, limit: limit)
            #expect(page.items.count <= limit)
            backwards = page.items + backwards
            cursor = page.next
            pages += 1
        } while cursor != nil
        #expect(backwards == forwards)
        #expect(pages == (14 + min(limit, 14) - 1) / min(limit, 14))
    }

    @Test("Reading on meets what came meanwhile", arguments: StoreUnderTest.all)
    func growing(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let id = try await store.conversation(of: user, turns: 2)[0].turn.conversation
        let page = try await store.messages(of: id, of: user, after: nil, limit: 3)
        _ = try await store.begin(NewTurn(owner: user, subject: .message(in: id, text: "More")))
        let rest = try await store.messages(of: id, of: user, after: page.next, limit: 10)
        #expect(rest.items.map(\.sequence) == [4, 5, 6])
        #expect(rest.next == nil)
    }
}
