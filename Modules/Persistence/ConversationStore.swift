public import Core

/// Keeps conversations.
///
/// Every call names its user, and what belongs to others is to it as if it were not there.
///
/// What a call has returned from is kept as durably as the store keeps anything.
public protocol ConversationStore: Sendable {
    func insert(_ conversation: Conversation) async throws(StoreError)

    /// - Throws: ``StoreError/notFound``.
    func conversation(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> Conversation

    /// Conversations, the last used first; the cursor is `next` of the page before, the limit at least 1.
    func conversations(
        of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Conversation>

    /// - Throws: ``StoreError/notFound``.
    func rename(_ id: ConversationID, to title: String, of owner: UserID) async throws(StoreError) -> Conversation

    /// Deletes a conversation with its messages and the keys of its turns.
    ///
    /// - Throws: ``StoreError/notFound``.
    func delete(_ id: ConversationID, of owner: UserID) async throws(StoreError)

    /// Begins a turn in one step: stores the message, opens the answer's row and remembers the key.
    ///
    /// - Returns: the turn that the key already names, when it came with the same subject before.
    /// - Throws: ``StoreError/notFound`` for a conversation or stream that is not the owner's, ``StoreError/conflict``
    ///   for a key that came with another subject.
    func begin(_ turn: NewTurn) async throws(StoreError) -> BegunTurn

    /// Inserts or replaces a message by id; a version that is not higher than the stored one changes nothing.
    ///
    /// - Throws: ``StoreError/notFound`` when its conversation has been deleted.
    func save(_ message: Message) async throws(StoreError)

    /// - Throws: ``StoreError/notFound``.
    func message(_ id: MessageID, of owner: UserID) async throws(StoreError) -> Message

    /// The answer that a run wrote.
    ///
    /// - Throws: ``StoreError/notFound``.
    func answer(of stream: StreamID, of owner: UserID) async throws(StoreError) -> Message

    /// Messages in their order.
    ///
    /// - Throws: ``StoreError/notFound``.
    func messages(
        of conversation: ConversationID, of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message>

    /// The messages before a place, newest first, without answers that were retried, until `limit` bytes of text.
    ///
    /// - Throws: ``StoreError/notFound``.
    func history(
        of conversation: ConversationID, of owner: UserID, before sequence: Int, limit: Int
    ) async throws(StoreError) -> [Message]
}

/// Why a store did not do what it was asked.
public enum StoreError: Error, Sendable {
    /// There is no such thing, or it is another user's.
    case notFound
    /// The idempotency key was used for something else.
    case conflict
    /// The store has reached its bounds.
    case full
    /// The store cannot be reached; the cause is for the log.
    case unavailable(any Error)
}
