public import Core
import Synchronization

/// A store that forgets everything when the process ends: for tests, and for trying the product out.
///
/// Safe to call from anywhere; each call holds one lock for as long as it reads or writes, and never waits for anything
/// else. Bounded: past ``Limits`` a write is refused with ``StoreError/full`` until something is deleted.
public final class InMemoryStore: ConversationStore {
    private let tables: Mutex<Tables>

    public init(_ limits: Limits = Limits()) { tables = Mutex(Tables(limits)) }

    /// How much the whole store holds, all owners together.
    public struct Limits: Sendable, Hashable {
        public var conversations = 100_000
        public var messages = 1_000_000
        /// UTF-8 of the text and reasoning of all messages; rows take some hundred bytes each beside it.
        public var bytes = 512 << 20

        public init() {}

        public init(conversations: Int, messages: Int, bytes: Int) {
            self.conversations = conversations
            self.messages = messages
            self.bytes = bytes
        }
    }

    @discardableResult
    public func create(_ conversation: Conversation) async throws(StoreError) -> Conversation {
        try tables.withLock { (tables) throws(StoreError) in try tables.create(conversation) }
    }

    public func conversation(_ id: ConversationID, owner: UserID) async throws(StoreError) -> Conversation? {
        tables.withLock { $0.thread(id, owner)?.conversation }
    }

    public func conversations(
        of owner: UserID, after cursor: ConversationCursor?, limit: Int
    ) async throws(StoreError) -> ConversationPage {
        tables.withLock { $0.conversations(of: owner, after: cursor, limit: limit) }
    }

    @discardableResult
    public func rename(
        _ id: ConversationID, to title: String, owner: UserID
    ) async throws(StoreError) -> Conversation {
        try tables.withLock { (tables) throws(StoreError) in try tables.rename(id, to: title, owner: owner) }
    }

    public func delete(_ id: ConversationID, owner: UserID) async throws(StoreError) {
        try tables.withLock { (tables) throws(StoreError) in try tables.delete(id, owner: owner) }
    }

    public func begin(_ turn: NewTurn) async throws(StoreError) -> BegunTurn {
        try tables.withLock { (tables) throws(StoreError) in try tables.begin(turn) }
    }

    @discardableResult
    public func save(_ message: Message) async throws(StoreError) -> Bool {
        try tables.withLock { (tables) throws(StoreError) in try tables.save(message) }
    }

    public func message(_ id: MessageID, owner: UserID) async throws(StoreError) -> Message? {
        tables.withLock { $0.message(id, owner) }
    }

    public func message(of stream: StreamID, owner: UserID) async throws(StoreError) -> Message? {
        tables.withLock { $0.message(of: stream, owner) }
    }

    public func messages(
        of conversation: ConversationID, owner: UserID, _ range: MessageRange, limit: Int
    ) async throws(StoreError) -> MessagePage {
        try tables.withLock { (tables) throws(StoreError) in
            try tables.owned(conversation, owner).page(range, limit: limit)
        }
    }

    public func history(
        of conversation: ConversationID, through question: MessageID?, owner: UserID, limit: HistoryLimit
    ) async throws(StoreError) -> [Message] {
        try tables.withLock { (tables) throws(StoreError) in
            let thread = try tables.owned(conversation, owner)
            guard let question else { return thread.history(through: nil, limit) }
            guard let place = tables.places[question], place.conversation == conversation,
                thread.messages[place.index].isQuestion
            else { throw .notFound }
            return thread.history(through: place.index, limit)
        }
    }
}
