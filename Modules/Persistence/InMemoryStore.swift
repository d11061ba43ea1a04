public import Core
import Synchronization

/// A store that forgets everything with the process: for tests and first steps.
///
/// Each call holds one lock for as long as it reads or writes, and waits for nothing else. Past its ``Limits`` a write is
/// refused with ``StoreError/full`` until something is deleted.
public final class InMemoryStore: Store {
    let tables: Mutex<Tables>
    let now: @Sendable () -> Timestamp
    private let enqueue: @Sendable ([NewJob]) -> Void

    /// Makes an empty store.
    ///
    /// - Parameters:
    ///   - limits: past them a write is refused.
    ///   - now: the time of new rows, and what the age of keys is counted in.
    ///   - enqueue: takes the jobs that are to follow a message; must not call the store. By default they are let fall, as
    ///     all is with the process.
    public init(
        _ limits: Limits = Limits(), now: @escaping @Sendable () -> Timestamp = { .now },
        enqueue: @escaping @Sendable ([NewJob]) -> Void = { _ in }
    ) {
        tables = Mutex(Tables(limits))
        self.now = now
        self.enqueue = enqueue
    }

    /// How much the store holds, all users together.
    public struct Limits: Sendable, Hashable {
        public var conversations: Int
        public var messages: Int
        /// UTF-8 of the text and reasoning of all messages; a row takes some hundred bytes beside it.
        public var bytes: Int

        public init(conversations: Int = 100_000, messages: Int = 1_000_000, bytes: Int = 512 << 20) {
            self.conversations = conversations
            self.messages = messages
            self.bytes = bytes
        }
    }

    public var trouble: StoreTrouble? { tables.withLock { $0.isFull } ? .full : nil }

    public func insert(_ conversation: Conversation) async throws(StoreError) {
        try tables.withLock { tables throws(StoreError) in try tables.insert(conversation) }
    }

    public func conversation(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> Conversation {
        try tables.withLock { tables throws(StoreError) in try tables.thread(id, owner).conversation }
    }

    public func conversations(
        of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Conversation> {
        let place = try place(cursor, ListPlace.init)
        return tables.withLock { $0.conversations(of: owner, after: place, limit: limit) }
    }

    @discardableResult
    public func rename(
        _ id: ConversationID, to title: String, of owner: UserID
    ) async throws(StoreError) -> Conversation {
        try tables.withLock { tables throws(StoreError) in try tables.rename(id, to: title, of: owner, at: now()) }
    }

    @discardableResult
    public func describe(
        _ id: ConversationID, title: String?, summary: String, of owner: UserID
    ) async throws(StoreError) -> Conversation {
        try tables.withLock { tables throws(StoreError) in
            try tables.describe(id, title: title, summary: summary, of: owner)
        }
    }

    @discardableResult
    public func delete(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> [StreamID] {
        try tables.withLock { tables throws(StoreError) in try tables.delete(id, of: owner) }
    }

    public func begin(_ turn: NewTurn) async throws(StoreError) -> BegunTurn {
        try tables.withLock { tables throws(StoreError) in try tables.begin(turn, at: now()) }
    }

    public func release(_ key: String, from turn: TurnReference, of owner: UserID) async throws(StoreError) {
        tables.withLock { $0.release(OwnedKey(owner: owner, text: key), from: turn) }
    }

    @discardableResult
    public func save(_ message: Message, then jobs: [NewJob]) async throws(StoreError) -> Bool {
        try tables.withLock { tables throws(StoreError) in
            let isWritten = try tables.save(message, at: now())
            if isWritten, !jobs.isEmpty { enqueue(jobs) }
            return isWritten
        }
    }

    public func message(_ id: MessageID, of owner: UserID) async throws(StoreError) -> Message {
        try tables.withLock { tables throws(StoreError) in try tables.message(id, owner) }
    }

    public func answer(of stream: StreamID, of owner: UserID) async throws(StoreError) -> Message {
        try tables.withLock { tables throws(StoreError) in try tables.answer(of: stream, owner) }
    }

    public func messages(
        of conversation: ConversationID, of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message> {
        let place = try place(cursor, MessagePlace.init)
        return try tables.withLock { tables throws(StoreError) in
            try tables.thread(conversation, owner).messages(after: place?.sequence ?? 0, limit: limit)
        }
    }

    public func messages(
        of conversation: ConversationID, of owner: UserID, before cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message> {
        let place = try place(cursor, MessagePlace.init)
        return try tables.withLock { tables throws(StoreError) in
            try tables.thread(conversation, owner).messages(before: place?.sequence ?? .max, limit: limit)
        }
    }

    public func history(
        of conversation: ConversationID, of owner: UserID, before sequence: Int, limit: Int
    ) async throws(StoreError) -> [Message] {
        try tables.withLock { tables throws(StoreError) in
            try tables.thread(conversation, owner).history(before: sequence, limit: limit)
        }
    }

    public func usage(
        of owner: UserID, from start: Timestamp, to end: Timestamp
    ) async throws(StoreError) -> [UsageSum] {
        // The threads are copies that share their storage, so that adding up holds nobody up.
        let threads = tables.withLock { $0.threads(of: owner) }
        return threads.flatMap { $0.usage(from: start, to: end) }.grouped { $0 }
    }

    func place<Place>(_ cursor: String?, _ read: (String) -> Place?) throws(StoreError) -> Place? {
        guard let cursor else { return nil }
        guard let place = read(cursor) else { throw .notFound }
        return place
    }
}
