import Core
import Persistence
import StoreConformance
import TestSupport
import Testing

/// Random calls on a store and on ``PlainStore``, which must answer alike.
@Suite("Any store does what a plain one does", .timeLimit(.minutes(1)))
struct PlainStoreTests {
    @Test("Random calls are answered alike", arguments: StoreUnderTest.all, 0..<200 as Range<UInt64>)
    func calls(store: StoreUnderTest, seed: UInt64) async throws {
        let time = SetTime()
        let store = try await store.make { time.now }
        var model = PlainStore()
        var random = RandomCalls(seed: seed)
        for step in 0..<80 {
            let call = random.call(on: model, at: time.now)
            let answer = await call.answer(of: store)
            #expect(answer == call.answer(of: &model, at: time.now), "seed \(seed), step \(step): \(call)")
            time.move(by: random.pick([0, 0, 1, 20, -3]))
        }
        for user in random.users {
            #expect(try await store.allConversations(of: user, limit: 2) == model.list(user))
            for conversation in model.list(user) {
                let messages = try await store.allMessages(of: conversation.id, of: user, limit: 3)
                #expect(messages == (try model.thread(conversation.id, user)), "seed \(seed)")
            }
        }
    }
}

/// A call, as data.
enum StoreCall: Sendable {
    case insert(Conversation)
    case read(ConversationID, UserID)
    case list(UserID)
    case rename(ConversationID, String, UserID)
    case describe(ConversationID, String?, UserID)
    case delete(ConversationID, UserID)
    case begin(NewTurn)
    case release(String, TurnReference, UserID)
    case save(Message)
    case message(MessageID, UserID)
    case answer(StreamID, UserID)
    case thread(ConversationID, UserID)
    case history(ConversationID, UserID, before: Int, limit: Int)

    /// What a call was answered with, whatever it was.
    enum Answer: Equatable {
        case nothing
        case saved(Bool)
        case conversations([Conversation])
        case messages([Message])
        case begun(BegunTurn)
        case refused(Refusal?)
    }

    func answer(of store: any ConversationStore) async -> Answer {
        do {
            switch self {
            case .insert(let conversation):
                try await store.insert(conversation)
                return .nothing
            case .read(let id, let user): return .conversations([try await store.conversation(id, of: user)])
            case .list(let user): return .conversations(try await store.allConversations(of: user, limit: 2))
            case .rename(let id, let title, let user):
                return .conversations([try await store.rename(id, to: title, of: user)])
            case .describe(let id, let title, let user):
                return .conversations([try await store.describe(id, title: title, summary: "said", of: user)])
            case .delete(let id, let user):
                try await store.delete(id, of: user)
                return .nothing
            case .begin(let turn): return .begun(try await store.begin(turn))
            case .release(let key, let turn, let user):
                try await store.release(key, from: turn, of: user)
                return .nothing
            case .save(let message): return .saved(try await store.save(message))
            case .message(let id, let user): return .messages([try await store.message(id, of: user)])
            case .answer(let stream, let user): return .messages([try await store.answer(of: stream, of: user)])
            case .thread(let id, let user): return .messages(try await store.allMessages(of: id, of: user, limit: 3))
            case .history(let id, let user, let before, let limit):
                return .messages(try await store.history(of: id, of: user, before: before, limit: limit))
            }
        } catch {
            return .refused((error as? StoreError).map(Refusal.init))
        }
    }

    func answer(of model: inout PlainStore, at now: Timestamp) -> Answer {
        do throws(Refusal) {
            switch self {
            case .insert(let conversation):
                try model.insert(conversation)
                return .nothing
            case .read(let id, let user): return .conversations([try model.conversation(id, user)])
            case .list(let user): return .conversations(model.list(user))
            case .rename(let id, let title, let user):
                return .conversations([try model.rename(id, title, user, now)])
            case .describe(let id, let title, let user):
                return .conversations([try model.describe(id, title, "said", user)])
            case .delete(let id, let user):
                try model.delete(id, user)
                return .nothing
            case .begin(let turn): return .begun(try model.begin(turn, now))
            case .release(let key, let turn, let user):
                model.release(key, turn, user)
                return .nothing
            case .save(let message): return .saved(try model.save(message, now))
            case .message(let id, let user): return .messages([try model.message(id, user)])
            case .answer(let stream, let user): return .messages([try model.answer(stream, user)])
            case .thread(let id, let user): return .messages(try model.thread(id, user))
            case .history(let id, let user, let before, let limit):
                return .messages(try model.history(id, user, before: before, limit: limit))
            }
        } catch {
            return .refused(error)
        }
    }
}

/// Chooses calls from few names, so that they meet: mostly those of rows there are.
struct RandomCalls {
    private var random: SplitMix
    let users = [UserID(), UserID()]
    private let conversations = (0..<6).map { _ in ConversationID() }
    private let messages = (0..<60).map { _ in MessageID() }
    private let streams = (0..<30).map { _ in StreamID() }

    init(seed: UInt64) { random = SplitMix(seed: seed) }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[Int(random.next() % UInt64(values.count))] }

    private mutating func pick<Value>(_ known: [Value], or any: [Value]) -> Value {
        known.isEmpty || pick(Array(0..<8)) == 0 ? pick(any) : pick(known)
    }

    mutating func call(on model: PlainStore, at now: Timestamp) -> StoreCall {
        let user = pick(users)
        let conversation = pick(model.list(user).map(\.id), or: conversations)
        let own = model.messages.filter { $0.owner == user }
        let message = pick(own.map(\.id), or: messages)
        let stream = pick(own.compactMap(\.stream), or: streams)
        switch pick(Array(0..<21)) {
        case 0: return .insert(Conversation(id: pick(conversations), owner: user, title: "made", createdAt: now))
        case 1: return .read(conversation, user)
        case 2: return .list(user)
        case 3: return .rename(conversation, pick(["a", "b"]), user)
        case 4 where pick([true, false]): return .delete(conversation, user)
        case 5 where pick([true, false]):
            let key = pick(["k1", "k2"])
            return .release(key, model.turn(key, pick(users)) ?? TurnReference(), user)
        case 5...10: return .begin(turn(of: user, in: conversation, retrying: stream))
        case 11...15:
            guard let stored = own.randomElement(using: &random), pick(Array(0..<4)) > 0 else {
                return .save(self.message(message, of: user, in: conversation, stream, own, now))
            }
            return .save(newer(stored))
        case 16: return .message(message, user)
        case 17: return .answer(stream, user)
        case 18: return .thread(conversation, user)
        case 19: return .describe(conversation, pick([nil, "c"]), user)
        default:
            return .history(
                conversation, user, before: pick([0, 1, 2, 3, 5, 8, .max]), limit: pick([0, 4, 12, 40, .max]))
        }
    }

    private mutating func turn(
        of user: UserID, in conversation: ConversationID, retrying stream: StreamID
    ) -> NewTurn {
        let subject: NewTurn.Subject = pick([
            .newConversation(kind: .chat, title: "begun", text: pick(["hi", "ho"])),
            .message(in: conversation, text: pick(["one", "another", ""])), .retry(of: stream), .retry(of: stream),
        ])
        return NewTurn(
            owner: user, subject: subject, key: pick([nil, nil, "k1", "k2"]), keyRetention: .milliseconds(15),
            names: TurnReference(
                conversation: pick(conversations), userMessage: pick(messages), assistantMessage: pick(messages),
                stream: pick(streams)))
    }

    /// The next of a stored message, or one that comes late.
    private mutating func newer(_ stored: Message) -> Message {
        var message = stored
        message.version += pick([-1, 0, 1, 2])
        message.text = pick(["", "short", "somewhat longer"])
        message.reasoning = pick(["", "since"])
        message.state = pick([.final, .final, .streaming])
        message.outcome = pick([nil, .complete, .cancelled])
        message.stream = pick([stored.stream, stored.stream, stored.stream, nil, pick(streams)])
        return message
    }

    private mutating func message(
        _ id: MessageID, of user: UserID, in conversation: ConversationID, _ stream: StreamID, _ own: [Message],
        _ now: Timestamp
    ) -> Message {
        let other = pick(own.map(\.id), or: messages)
        return Message(
            id: id, conversation: conversation, owner: user, role: pick([.user, .assistant, .system]),
            text: pick(["", "said"]), stream: pick([nil, nil, stream, pick(streams)]), version: pick([0, 1, 5]),
            replyTo: pick([nil, other]), retryOf: pick([nil, nil, other]), createdAt: now)
    }
}
