public import Core
import Synchronization

/// A store that forgets everything with the process: for tests and first steps.
public final class InMemoryStore: ConversationStore {
    private let state: Mutex<MemoryTables>

    /// - Parameters:
    ///   - capacity: messages and conversations together; past it ``StoreError/full``.
    ///   - now: the time of new rows and the age of keys.
    public init(capacity: Int = 1_000_000, now: @escaping @Sendable () -> Timestamp = { .now }) {
        state = Mutex(MemoryTables(capacity: capacity, now: now))
    }

    public func insert(_ conversation: Conversation) async throws(StoreError) {
        try state.withLock { tables throws(StoreError) in try tables.insert(conversation) }
    }

    public func conversation(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> Conversation {
        try state.withLock { tables throws(StoreError) in try tables.conversation(id, owner) }
    }

    public func conversations(
        of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Conversation> {
        state.withLock { $0.conversations(owner, cursor, limit) }
    }

    public func rename(
        _ id: ConversationID, to title: String, of owner: UserID
    ) async throws(StoreError) -> Conversation {
        try state.withLock { tables throws(StoreError) in try tables.rename(id, title, owner) }
    }

    public func delete(_ id: ConversationID, of owner: UserID) async throws(StoreError) {
        try state.withLock { tables throws(StoreError) in try tables.delete(id, owner) }
    }

    public func begin(_ turn: NewTurn) async throws(StoreError) -> BegunTurn {
        try state.withLock { tables throws(StoreError) in try tables.begin(turn) }
    }

    public func save(_ message: Message) async throws(StoreError) {
        try state.withLock { tables throws(StoreError) in try tables.save(message) }
    }

    public func message(_ id: MessageID, of owner: UserID) async throws(StoreError) -> Message {
        try state.withLock { tables throws(StoreError) in try tables.message(id, owner) }
    }

    public func answer(of stream: StreamID, of owner: UserID) async throws(StoreError) -> Message {
        try state.withLock { tables throws(StoreError) in try tables.answer(stream, owner) }
    }

    public func messages(
        of conversation: ConversationID, of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message> {
        try state.withLock { tables throws(StoreError) in try tables.messages(conversation, owner, cursor, limit) }
    }

    public func history(
        of conversation: ConversationID, of owner: UserID, before sequence: Int, limit: Int
    ) async throws(StoreError) -> [Message] {
        try state.withLock { tables throws(StoreError) in try tables.history(conversation, owner, sequence, limit) }
    }
}
