import Core
import Jobs
import Persistence
import TestSupport
import Testing

@Suite("The handlers of jobs", .timeLimit(.minutes(1)))
struct HandlerTests {
    private let user = UserID()
    private let store = InMemoryStore()
    private let queue = InMemoryQueue()

    private func leased(_ job: NewJob) -> LeasedJob {
        LeasedJob(
            id: job.id, kind: job.kind, uniqueKey: job.uniqueKey, group: job.group, payload: job.payload,
            createdAt: .now)
    }

    private func answer(to turn: NewTurn, _ text: String, in conversation: ConversationID? = nil) -> Message {
        Message(
            id: turn.names.assistantMessage, conversation: conversation ?? turn.names.conversation, owner: user,
            role: .assistant,
            text: text, outcome: .complete, stream: turn.names.stream, version: Message.finalVersion,
            replyTo: turn.names.userMessage, createdAt: .now)
    }

    private var newTurn: NewTurn {
        NewTurn(owner: user, subject: .newConversation(kind: .chat, title: "", text: "What is a cough?"), key: "key")
    }

    @Test("save a turn that was begun and answered while the store was away, and save it once")
    func saveTurn() async throws {
        let queue = queue
        let store = InMemoryStore(enqueue: { queue.insert($0) })
        let turn = newTurn
        let answer = answer(to: turn, "A cough clears the airways.")
        let next = ConversationToDescribe(turn.names.conversation, of: user, after: answer.id).job
        let job = leased(DeferredTurn(begun: turn, messages: [answer], jobs: [next]).job)
        #expect(try await SaveTurn(to: store, from: queue).work(on: job) == .done)
        #expect(try await SaveTurn(to: store, from: queue).work(on: job) == .alreadyDone)
        let messages = try await store.messages(
            of: turn.names.conversation, of: user, after: nil, limit: 9
        ).items
        #expect(messages.map(\.text) == ["What is a cough?", "A cough clears the airways."])
        #expect(try await queue.jobs(in: .ready, of: nil, after: nil, limit: 9).items.map(\.id) == [next.id])
        #expect(try await !store.begin(turn).isNew, "its key is known")
    }

    @Test("take a turn for deleted with its conversation, but not while another of the user is a dead letter")
    func orphan() async throws {
        let turn = DeferredTurn(messages: [answer(to: newTurn, "An answer")])
        let job = leased(turn.job)
        #expect(try await SaveTurn(to: store, from: queue).work(on: job) == .alreadyDone)
        let other = NewJob(kind: .saveTurn, group: user.text)
        try await queue.enqueue([other])
        let worker = try await queue.join().worker
        let lease = try #require(try await queue.lease(LeaseRequest(.saveTurn, limit: 1, worker: worker)))
        try await queue.settle([Settlement(other.id, lease.token, .bury(because: "bad"))])
        let error = await #expect(throws: JobError.self) { try await SaveTurn(to: store, from: queue).work(on: job) }
        guard case .failed(let reason, let canHeal) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason == "save_turn: not_found" && canHeal)
    }

    @Test("leave nothing of a user who was deleted while a turn waited, and keep what one began who came back")
    func deletedUser() async throws {
        var (before, after) = (newTurn, newTurn)
        before.begunAt = .now
        _ = try await store.begin(newTurn)
        _ = try await store.deleteUser(user)
        after.begunAt = .now + .milliseconds(1)
        for turn in [before, after] {
            let job = leased(DeferredTurn(begun: turn, messages: [answer(to: turn, "An answer")]).job)
            _ = try await SaveTurn(to: store, from: queue).work(on: job)
        }
        let left = try await store.conversations(of: user, after: nil, limit: 9).items
        #expect(left.map(\.id) == [after.names.conversation])
    }

    @Test("begin a turn under its own names when its key names an answered one, or another question")
    func usedKey() async throws {
        let (first, second) = (newTurn, newTurn)
        let other = NewTurn(owner: user, subject: .newConversation(kind: .chat, title: "", text: "Other"), key: "key")
        _ = try await store.begin(first)
        try await store.save(answer(to: first, "The first answer"))
        for turn in [second, other] {
            let job = leased(DeferredTurn(begun: turn, messages: [answer(to: turn, "An answer")]).job)
            #expect(try await SaveTurn(to: store, from: queue).work(on: job) == .done)
            #expect(try await SaveTurn(to: store, from: queue).work(on: job) == .alreadyDone)
            #expect(try await store.message(turn.names.assistantMessage, of: user).text == "An answer")
        }
        #expect(try await store.begin(first).turn == first.names, "the key still names the first")
    }

    @Test("put a turn in the place of an attempt under its key that came to nothing, once that has ended")
    func replacedAttempt() async throws {
        let (attempt, turn) = (newTurn, newTurn)
        _ = try await store.begin(attempt)
        let jobs = [DeferredTurn(begun: turn), DeferredTurn(begun: turn, messages: [answer(to: turn, "An answer")])]
        let error = await #expect(throws: JobError.self) {
            try await SaveTurn(to: store, from: queue).work(on: leased(jobs[0].job))
        }
        guard case .failed("save_turn: conflict_still_streaming", canHeal: true) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        try await store.save(interrupted(attempt))
        try await expectDoneOnce(jobs)
        let conversations = try await store.conversations(of: user, after: nil, limit: 9).items
        #expect(conversations.map(\.id) == [turn.names.conversation])
        #expect(try await texts(in: turn.names.conversation) == ["What is a cough?", "An answer"])
        #expect(try await store.begin(attempt).turn == turn.names, "the key names what was told to the user last")
    }

    @Test("have a message asked again stand there once, with both of its answers")
    func replacedMessage() async throws {
        let first = newTurn
        _ = try await store.begin(first)
        try await store.save(answer(to: first, "The first answer"))
        let subject = NewTurn.Subject.message(in: first.names.conversation, text: "And now?")
        let attempt = NewTurn(owner: user, subject: subject, key: "next")
        let turn = NewTurn(owner: user, subject: subject, key: "next")
        _ = try await store.begin(attempt)
        try await store.save(interrupted(attempt, in: first.names.conversation))
        let last = answer(to: turn, "The last answer", in: first.names.conversation)
        let jobs = [DeferredTurn(begun: turn), DeferredTurn(begun: turn, messages: [last])]
        try await expectDoneOnce(jobs)
        #expect(
            try await texts(in: first.names.conversation)
                == ["What is a cough?", "The first answer", "And now?", "Half", "The last answer"])
    }

    private func expectDoneOnce(_ turns: [DeferredTurn]) async throws {
        for effect in [JobEffect.done, .alreadyDone] {
            for turn in turns {
                #expect(try await SaveTurn(to: store, from: queue).work(on: leased(turn.job)) == effect)
            }
        }
    }

    private func interrupted(_ turn: NewTurn, in conversation: ConversationID? = nil) -> Message {
        var half = answer(to: turn, "Half", in: conversation)
        half.outcome = .interrupted
        return half
    }

    private func texts(in conversation: ConversationID) async throws -> [String] {
        try await store.messages(of: conversation, of: user, after: nil, limit: 9).items.map(\.text)
    }

    static let kinds: [JobKind] = [.saveTurn, .describeConversation]

    @Test("refuse a payload they cannot read", arguments: kinds, [nil, "", "{", "{\"version\":99}", "[]", "null"])
    func unreadable(kind: JobKind, text: String?) async throws {
        let job = LeasedJob(
            id: JobID(), kind: kind, uniqueKey: "k", payload: text.map { Array($0.utf8) }, createdAt: .now)
        let handlers: [any JobHandler] = [SaveTurn(to: store, from: queue), DescribeConversation(in: store)]
        let handler = try #require(handlers.first { $0.kind == kind })
        let error = await #expect(throws: JobError.self) { try await handler.work(on: job) }
        guard case .failed(.unreadable, canHeal: false) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("describe a conversation, but for the title that its user gave")
    func describe() async throws {
        let turn = newTurn
        _ = try await store.begin(turn)
        try await store.save(answer(to: turn, "A cough clears the airways of mucus and of what does not belong there."))
        let id = turn.names.conversation
        let job = leased(ConversationToDescribe(id, of: user, after: turn.names.assistantMessage).job)
        let handler = DescribeConversation(in: store)
        #expect(try await handler.work(on: job) == .done)
        let described = try await store.conversation(id, of: user)
        #expect(described.title == "What is a cough?")
        #expect(
            described.summary
                == "What is a cough? A cough clears the airways of mucus and of what does not belong there.")
        #expect(try await handler.work(on: job) == .alreadyDone)
        try await store.rename(id, to: "Mine", of: user)
        _ = try await store.begin(NewTurn(owner: user, subject: .message(in: id, text: "And what is a fever then?")))
        #expect(try await handler.work(on: job) == .done)
        let renamed = try await store.conversation(id, of: user)
        #expect(renamed.title == "Mine" && renamed.summary.contains("fever"))
        try await store.delete(id, of: user)
        #expect(try await handler.work(on: job) == .alreadyDone)
    }

    @Test("describe a conversation after the newest of its answers, unless a crash ended that one")
    func describeOnce() async throws {
        let first = newTurn
        _ = try await store.begin(first)
        try await store.save(answer(to: first, "A cough clears the airways of what does not belong there."))
        let id = first.names.conversation
        // Later by its name, within the same millisecond too.
        let laterName = try #require(MessageID(UUIDv7.make(milliseconds: 1 << 47)))
        let second = NewTurn(
            owner: user, subject: .message(in: id, text: "And what is a fever then?"),
            names: TurnReference(assistantMessage: laterName))
        _ = try await store.begin(second)
        var cutOff = answer(to: second, "A fever is", in: id)
        cutOff.outcome = .interrupted
        cutOff.version = Message.interruptedVersion
        try await store.save(cutOff)
        let handler = DescribeConversation(in: store)
        let earlier = leased(ConversationToDescribe(id, of: user, after: first.names.assistantMessage).job)
        #expect(try await handler.work(on: earlier) == .done)
        let before = try await store.conversation(id, of: user)
        try await store.save(
            answer(to: second, "A fever is a rise of the body's temperature, which helps it fight.", in: id))
        #expect(try await handler.work(on: earlier) == .alreadyDone)
        #expect(try await store.conversation(id, of: user).summary == before.summary)
        let later = leased(ConversationToDescribe(id, of: user, after: second.names.assistantMessage).job)
        #expect(try await handler.work(on: later) == .done)
        #expect(try await store.conversation(id, of: user).summary.contains("temperature"))
    }

    @Test("read back any turn that was written, to the byte")
    func roundTrip() {
        for seed in 0..<200 {
            var random = SplitMix(seed: UInt64(seed))
            let turn = RandomTurn.make(&random)
            #expect(DeferredTurn(payload: turn.payload) == turn, "seed \(seed)")
            #expect(turn.job.payload == turn.payload)
            var cut = turn.payload
            cut.removeLast(Int.random(in: 1...cut.count, using: &random))
            #expect(DeferredTurn(payload: cut) == nil, "seed \(seed)")
        }
    }
}

/// Turns with everything in them, in every mixture.
private enum RandomTurn {
    static func make(_ random: inout SplitMix) -> DeferredTurn {
        let owner = UserID()
        let names = TurnReference()
        let subjects: [NewTurn.Subject] = [
            .newConversation(kind: .onboarding, title: text(&random), text: text(&random)),
            .message(in: ConversationID(), text: text(&random)), .retry(of: StreamID()),
        ]
        let begun = NewTurn(
            owner: owner, subject: subjects.randomElement(using: &random) ?? .retry(of: StreamID()),
            key: maybe(&random) { text(&$0) }, keyRetention: .seconds(Int.random(in: 1...9999, using: &random)),
            names: names,
            begunAt: maybe(&random) { Timestamp(milliseconds: Int64.random(in: 0...9_999_999, using: &$0)) })
        return DeferredTurn(
            begun: maybe(&random) { _ in begun },
            messages: (0..<Int.random(in: 0...3, using: &random)).map { _ in message(owner, &random) },
            jobs: (0..<Int.random(in: 0...2, using: &random)).map { _ in
                NewJob(
                    kind: .describeConversation, uniqueKey: maybe(&random) { text(&$0) },
                    group: maybe(&random) { text(&$0) },
                    priority: .low, delay: .milliseconds(Int.random(in: 0...9999, using: &random)),
                    payload: (0..<Int.random(in: 0...300, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    })
            })
    }

    private static func message(_ owner: UserID, _ random: inout SplitMix) -> Message {
        let usage = Usage(
            input: 3, output: Int.random(in: 0...99, using: &random), isEstimated: Bool.random(using: &random))
        let cost = Cost(micros: Int64.random(in: 0...99, using: &random), currency: "EUR")
        return Message(
            conversation: ConversationID(), owner: owner, sequence: Int.random(in: 0...99, using: &random),
            role: [.user, .assistant, .system].randomElement(using: &random) ?? .user, text: text(&random),
            reasoning: text(&random), state: Bool.random(using: &random) ? .final : .streaming,
            outcome: maybe(&random) { Outcome.allCases.randomElement(using: &$0) ?? .complete },
            stream: maybe(&random) { _ in StreamID() },
            lastOffset: maybe(&random) { Int.random(in: 1...99, using: &$0) },
            provider: maybe(&random) { text(&$0) }, model: maybe(&random) { text(&$0) },
            usage: maybe(&random) { _ in usage }, cost: maybe(&random) { _ in cost },
            spans: (0..<Int.random(in: 0...2, using: &random)).map { _ in
                AnswerSpan(
                    provider: text(&random), model: "m", offset: 7, usage: maybe(&random) { _ in usage }, cost: cost)
            },
            version: Int.random(in: 1...Message.finalVersion, using: &random),
            replyTo: maybe(&random) { _ in MessageID() }, retryOf: maybe(&random) { _ in MessageID() },
            createdAt: Timestamp(milliseconds: Int64.random(in: -9...9_999_999_999_999, using: &random)))
    }

    private static func maybe<Value>(_ random: inout SplitMix, _ make: (inout SplitMix) -> Value) -> Value? {
        Bool.random(using: &random) ? make(&random) : nil
    }

    private static func text(_ random: inout SplitMix) -> String {
        let pieces = ["a", "\u{0}", "ä", "\"", "\\", "\n", "👩‍⚕️", "\u{2028}", "e\u{301}", "\u{10FFFF}", " "]
        return (0..<Int.random(in: 0...12, using: &random)).map { _ in
            pieces.randomElement(using: &random) ?? ""
        }.joined()
    }
}
