import Core
import Persistence
import Synchronization
import TestSupport

/// A store in memory of which single calls can be made to fail, or to wait.
final class FailingStore: ConversationStore {
    enum Call: Sendable { case begin, history, save }

    private struct Outage: Error {}

    private let inner = InMemoryStore()
    private let failing = Mutex<Call?>(nil)
    private let held = Mutex<(Call, Door)?>(nil)

    /// Has one kind of call fail from now on, or none.
    func fails(_ call: Call?) { failing.withLock { $0 = call } }

    /// Has one kind of call wait at a door.
    func holds(_ call: Call, _ door: Door) { held.withLock { $0 = (call, door) } }

    /// The calls that came to the door.
    let isHolding = Tally()

    private func check(_ call: Call) async throws(StoreError) {
        if let (held, door) = held.withLock({ $0 }), held == call {
            isHolding.add()
            await door.pass()
        }
        if failing.withLock({ $0 == call }) { throw .unavailable(Outage()) }
    }

    func insert(_ conversation: Conversation) async throws(StoreError) { try await inner.insert(conversation) }

    func conversation(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> Conversation {
        try await inner.conversation(id, of: owner)
    }

    func conversations(
        of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Conversation> {
        try await inner.conversations(of: owner, after: cursor, limit: limit)
    }

    func rename(_ id: ConversationID, to title: String, of owner: UserID) async throws(StoreError) -> Conversation {
        try await inner.rename(id, to: title, of: owner)
    }

    func describe(
        _ id: ConversationID, title: String?, summary: String, of owner: UserID
    ) async throws(StoreError) -> Conversation {
        try await inner.describe(id, title: title, summary: summary, of: owner)
    }

    func delete(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> [StreamID] {
        try await inner.delete(id, of: owner)
    }

    func begin(_ turn: NewTurn) async throws(StoreError) -> BegunTurn {
        try await check(.begin)
        return try await inner.begin(turn)
    }

    func release(_ key: String, from turn: TurnReference, of owner: UserID) async throws(StoreError) {
        try await inner.release(key, from: turn, of: owner)
    }

    func save(_ message: Message, then jobs: [NewJob]) async throws(StoreError) -> Bool {
        try await check(.save)
        return try await inner.save(message, then: jobs)
    }

    func message(_ id: MessageID, of owner: UserID) async throws(StoreError) -> Message {
        try await inner.message(id, of: owner)
    }

    func answer(of stream: StreamID, of owner: UserID) async throws(StoreError) -> Message {
        try await inner.answer(of: stream, of: owner)
    }

    func messages(
        of conversation: ConversationID, of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message> {
        try await inner.messages(of: conversation, of: owner, after: cursor, limit: limit)
    }

    func messages(
        of conversation: ConversationID, of owner: UserID, before cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message> {
        try await inner.messages(of: conversation, of: owner, before: cursor, limit: limit)
    }

    func history(
        of conversation: ConversationID, of owner: UserID, before sequence: Int, limit: Int
    ) async throws(StoreError) -> [Message] {
        try await check(.history)
        return try await inner.history(of: conversation, of: owner, before: sequence, limit: limit)
    }

    func usage(of owner: UserID, from start: Timestamp, to end: Timestamp) async throws(StoreError) -> [UsageSum] {
        try await inner.usage(of: owner, from: start, to: end)
    }
}
