public import Core

/// Keeps conversations, each for its owner alone.
///
/// Every call names its user, and what belongs to others is to it as if it were not there.
///
/// Each call is atomic: it has its whole effect or, when it throws other than ``StoreError/unavailable(_:)``, none. What
/// a call has returned from is kept as durably as the store keeps anything, and every later call sees it. Every write
/// may be made again as it was: the second time changes nothing. Calls may come from anywhere at once, and any of them
/// may throw `unavailable`.
public protocol ConversationStore: Sendable {
    /// Why it takes nothing new now, as far as it knows by itself; `nil` when it knows of nothing.
    ///
    /// Nobody is asked for it: that a database of another machine is away is told by the next call.
    var trouble: StoreTrouble? { get }

    /// Adds a conversation to its owner's list; one that the owner has already is left as it is.
    ///
    /// - Throws: ``StoreError/notFound`` when the id is another user's, ``StoreError/full``.
    func insert(_ conversation: Conversation) async throws(StoreError)

    /// - Throws: ``StoreError/notFound``.
    func conversation(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> Conversation

    /// Conversations, the last used first.
    ///
    /// `cursor` is the `next` of the page before; `limit` is at least 1. Reading on from page to page meets each
    /// conversation once, but for those used meanwhile: they went to the head. Throws ``StoreError/notFound`` for what
    /// is no cursor.
    func conversations(
        of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Conversation>

    /// Gives a conversation the title that its user chose, cut at ``Conversation/titleLimit``.
    ///
    /// - Throws: ``StoreError/notFound``.
    @discardableResult
    func rename(_ id: ConversationID, to title: String, of owner: UserID) async throws(StoreError) -> Conversation

    /// Gives a conversation the summary, and a title where its user chose none, that a program made of its messages.
    ///
    /// That is no use of it: it stays where it is in the list. `title` may be `nil` to leave the one there is.
    ///
    /// - Throws: ``StoreError/notFound``, ``StoreError/full``.
    @discardableResult
    func describe(
        _ id: ConversationID, title: String?, summary: String, of owner: UserID
    ) async throws(StoreError) -> Conversation

    /// Deletes a conversation with its messages and the keys of its turns; a later save of one of them is `notFound`.
    ///
    /// - Returns: the streams of the answers that went, for whoever shows them still.
    /// - Throws: ``StoreError/notFound``.
    @discardableResult
    func delete(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> [StreamID]

    /// Begins a turn in one step: stores the message, opens the answer's row and remembers the key.
    ///
    /// Of any number of calls at once with one key, one begins the turn. The same ``NewTurn``, by its names, is begun
    /// once even without a key. A key is forgotten at the end of its retention, when it is released and when its conversation
    /// is deleted.
    ///
    /// - Returns: the turn that the key already names, when it came with the same subject before.
    /// - Throws: ``StoreError/notFound`` for a conversation or stream that is not the owner's; ``StoreError/conflict(_:)``
    ///   for a key that came with another subject, for a retry of an answer that is not finished, and for names that
    ///   other rows have; ``StoreError/full``.
    func begin(_ turn: NewTurn) async throws(StoreError) -> BegunTurn

    /// Frees the key of a turn that could not be carried out, so that the same request may be made again.
    ///
    /// A key that names another turn, or none, stays as it is; so do the turn's messages.
    func release(_ key: String, from turn: TurnReference, of owner: UserID) async throws(StoreError)

    /// Inserts or replaces a message by id; a version that is not higher than the stored one changes nothing.
    ///
    /// A new one goes to the end of its conversation, whatever its sequence says. Of one that is there, conversation,
    /// owner, sequence, role, `replyTo`, `retryOf` and `createdAt` stay, and so does the stream once there is one.
    ///
    /// The jobs are enqueued in the same step, and only when the message was written: what once was saved with its jobs
    /// may be saved again.
    ///
    /// - Returns: whether it was written; `false` when what is stored is as new or newer.
    /// - Throws: ``StoreError/notFound`` when its conversation has been deleted, or holds no such message of the user
    ///   as `replyTo` names or no such answer as `retryOf`; ``StoreError/conflict(_:)`` with `identifier`;
    ///   ``StoreError/full``.
    @discardableResult
    func save(_ message: Message, then jobs: [NewJob]) async throws(StoreError) -> Bool

    /// - Throws: ``StoreError/notFound``.
    func message(_ id: MessageID, of owner: UserID) async throws(StoreError) -> Message

    /// The answer that a run wrote.
    ///
    /// - Throws: ``StoreError/notFound``.
    func answer(of stream: StreamID, of owner: UserID) async throws(StoreError) -> Message

    /// Messages in their order, from the first.
    ///
    /// `cursor` is the `next` of the page before; `limit` is at least 1. Throws ``StoreError/notFound``, also for what is
    /// no cursor.
    func messages(
        of conversation: ConversationID, of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message>

    /// Messages in their order, of which the last come in the first page: the way back through a conversation.
    ///
    /// `cursor` is the `next` of the later page; `limit` is at least 1. Throws ``StoreError/notFound``, also for what is
    /// no cursor.
    func messages(
        of conversation: ConversationID, of owner: UserID, before cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message>

    /// What was said before a place, newest first, up to and with the message that passes `limit` bytes of text.
    ///
    /// Each message is preceded by the last answer to it, even if that was retried long after; earlier answers to it
    /// are left out, and so are answers still being written and messages without text. Reading from `before` the
    /// sequence of a message on, the message itself and its answers are no part of it.
    ///
    /// - Throws: ``StoreError/notFound``.
    func history(
        of conversation: ConversationID, of owner: UserID, before sequence: Int, limit: Int
    ) async throws(StoreError) -> [Message]

    /// What a user's finished answers used and cost, those begun at `start` or later and before `end`.
    ///
    /// Grouped by all of ``UsageSum/Group``, in no order: by the day in UTC of `createdAt`, by provider and model as the
    /// answers, or their spans, tell them, and by the kind of their conversations. What was deleted is not counted any more.
    func usage(of owner: UserID, from start: Timestamp, to end: Timestamp) async throws(StoreError) -> [UsageSum]
}

extension ConversationStore {
    public var trouble: StoreTrouble? { nil }

    /// Inserts or replaces a message by id, with no jobs to follow; see ``save(_:then:)``.
    @discardableResult
    public func save(_ message: Message) async throws(StoreError) -> Bool { try await save(message, then: []) }
}
