public import Core

/// Keeps conversations and their messages, each for its owner alone.
///
/// Every call names the user on whose behalf it is made. To that user the rows of others do not exist: look-ups answer
/// `nil`, and what acts on a row throws ``StoreError/notFound``, exactly as for an id that was never given out.
///
/// Each call is atomic: it has all its effect or, when it throws other than ``StoreError/unavailable(cause:)``, none.
/// Each write may be repeated, so after `unavailable` the caller does not find out what happened but writes again.
/// What a call that returned has written, every later call sees. Calls may come from anywhere at once.
public protocol ConversationStore: Sendable {
    /// Stores a conversation; one with this id that its owner has already is left as it is.
    ///
    /// - Returns: the conversation as it is stored.
    /// - Throws: `notFound` when the id is somebody else's; `full`, `unavailable`.
    @discardableResult
    func create(_ conversation: Conversation) async throws(StoreError) -> Conversation

    /// - Throws: `unavailable`.
    func conversation(_ id: ConversationID, owner: UserID) async throws(StoreError) -> Conversation?

    /// A part of the owner's list, newest first.
    ///
    /// Reading on from ``ConversationPage/next`` until it is `nil` meets each conversation exactly once, except those
    /// that got a new message meanwhile: they moved to the head of the list.
    ///
    /// The head of the list comes without a cursor; the limit is brought into 1...200. Throws `unavailable`.
    func conversations(
        of owner: UserID, after cursor: ConversationCursor?, limit: Int
    ) async throws(StoreError) -> ConversationPage

    /// Gives a conversation another title, cut at ``Conversation/titleLimit``.
    ///
    /// - Returns: the conversation with its new title.
    /// - Throws: `notFound`, `unavailable`.
    @discardableResult
    func rename(
        _ id: ConversationID, to title: String, owner: UserID
    ) async throws(StoreError) -> Conversation

    /// Removes a conversation with its messages and idempotency keys; a later save of one of its messages is `notFound`.
    ///
    /// - Throws: `notFound`, `unavailable`.
    func delete(_ id: ConversationID, owner: UserID) async throws(StoreError)

    /// Begins a turn or finds the one that its idempotency key began.
    ///
    /// A new turn stores, all or nothing: the conversation if it is new, the user's message, an empty answer in state
    /// `streaming`, and the key. Of any number of calls at once with one key, one starts the turn. A key looked up at
    /// or after its retention's end is forgotten. The very same turn, by its ids, is begun once even without a key.
    ///
    /// - Throws: `notFound` when the conversation or the answer to be retried is not there; `conflict` with
    ///   `idempotencyKey` when the key began something else, with `stillStreaming` when the answer to be retried is not
    ///   finished, with `identifier` when a message or stream has one of the new ids; `full`, `unavailable`.
    func begin(_ turn: NewTurn) async throws(StoreError) -> BegunTurn

    /// Stores a message, or a newer version of it.
    ///
    /// An unknown id becomes a new row at the end of its conversation, whatever ``Message/sequence`` says. A known one is
    /// replaced when its ``Message/version`` is lower than the given one, in all but what cannot change: conversation,
    /// owner, sequence, role, `replyTo`, `retryOf`, `createdAt`, and the stream once there is one.
    ///
    /// - Returns: `false` when what is stored is as new or newer; it stands.
    /// - Throws: `notFound` when the conversation or what `replyTo` or `retryOf` name is not there (`replyTo` names a
    ///   user's message of this conversation, `retryOf` an answer of it); `conflict` with `identifier` when the row of
    ///   this id is another message or another message has this stream; `full`, `unavailable`.
    @discardableResult
    func save(_ message: Message) async throws(StoreError) -> Bool

    /// - Throws: `unavailable`.
    func message(_ id: MessageID, owner: UserID) async throws(StoreError) -> Message?

    /// The answer that a stream writes or wrote.
    ///
    /// - Throws: `unavailable`.
    func message(of stream: StreamID, owner: UserID) async throws(StoreError) -> Message?

    /// A part of a conversation, superseded answers included.
    ///
    /// The limit is brought into 1...200. Throws `notFound`, `unavailable`.
    func messages(
        of conversation: ConversationID, owner: UserID, _ range: MessageRange, limit: Int
    ) async throws(StoreError) -> MessagePage

    /// What a prompt is made of: the newest messages that fit, oldest first, whole messages without a gap.
    ///
    /// Each answer stands behind the message it answers, even if it was retried long after. Left out are answers that a
    /// later answer to the same message has superseded, answers still being written, and messages without text. The
    /// newest message is there even when it alone is over the limit.
    ///
    /// `question` is the user's message at which the history ends, without its answers, as when that message is to be
    /// answered (again); `nil` for all there is. Throws `notFound` when the conversation is not there or the question is
    /// no user's message in it; `unavailable`.
    func history(
        of conversation: ConversationID, through question: MessageID?, owner: UserID, limit: HistoryLimit
    ) async throws(StoreError) -> [Message]
}

/// The most rows one page may have, in every store.
let pageLimit = 200
