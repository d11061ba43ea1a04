import Core
import Persistence
import Synchronization
import Testing

/// A kind of store, empty for each test.
struct StoreUnderTest: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable (_ now: @escaping @Sendable () -> Timestamp) async throws -> any ConversationStore

    /// Every store there is; a new one is tested by adding a line.
    static let all = [
        StoreUnderTest(testDescription: "memory") { InMemoryStore(now: $0) }
    ]

    func made() async throws -> any ConversationStore { try await make { .now } }
}

/// A clock that stands still until it is set.
final class SetTime: Sendable {
    private let milliseconds: Mutex<Int64>

    init(_ milliseconds: Int64 = 1_700_000_000_000) { self.milliseconds = Mutex(milliseconds) }

    var now: Timestamp { Timestamp(milliseconds: milliseconds.withLock { $0 }) }

    func move(by milliseconds: Int64) { self.milliseconds.withLock { $0 += milliseconds } }
}

/// A ``StoreError`` that can be compared.
enum Refusal: Error, Equatable {
    case notFound
    case conflict(StoreError.Conflict)
    case full
    case unavailable

    init(_ error: StoreError) {
        self =
            switch error {
            case .notFound: .notFound
            case .conflict(let conflict): .conflict(conflict)
            case .full: .full
            case .unavailable: .unavailable
            }
    }
}

/// What a call was refused with; `nil` when it was not.
func refusal<Result>(_ call: () async throws -> Result) async -> Refusal? {
    do {
        _ = try await call()
        return nil
    } catch {
        return (error as? StoreError).map(Refusal.init) ?? error as? Refusal
    }
}

extension ConversationStore {
    /// A conversation with finished turns: `question 1`, `answer 1`, and so on.
    func conversation(of owner: UserID, turns: Int = 1) async throws -> [BegunTurn] {
        var begun: [BegunTurn] = []
        for number in 1...max(1, turns) {
            let text = "question \(number)"
            let subject: NewTurn.Subject =
                if let first = begun.first {
                    .message(in: first.turn.conversation, text: text)
                } else {
                    .newConversation(kind: .chat, title: "A title", text: text)
                }
            begun.append(try await begin(NewTurn(owner: owner, subject: subject)))
            try await finish(begun[begun.count - 1].answer, "answer \(number)")
        }
        return begun
    }

    func finish(_ answer: Message, _ text: String) async throws {
        var answer = answer
        answer.text = text
        answer.state = .final
        answer.outcome = .complete
        answer.version = Message.finalVersion
        try await save(answer)
    }

    /// All messages of a conversation, read page by page.
    func allMessages(of conversation: ConversationID, of owner: UserID, limit: Int = 7) async throws -> [Message] {
        var messages: [Message] = []
        var cursor: String?
        repeat {
            let page = try await self.messages(of: conversation, of: owner, after: cursor, limit: limit)
            messages += page.items
            cursor = page.next
        } while cursor != nil
        return messages
    }

    /// All conversations of a user, read page by page.
    func allConversations(of owner: UserID, limit: Int = 7) async throws -> [Conversation] {
        var conversations: [Conversation] = []
        var cursor: String?
        repeat {
            let page = try await self.conversations(of: owner, after: cursor, limit: limit)
            conversations += page.items
            cursor = page.next
        } while cursor != nil
        return conversations
    }
}
