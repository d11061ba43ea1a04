public import Core
import Encryption
public import Persistence
import SQLite

/// Messages: written, read, and listed.
extension SQLiteStore {
    @discardableResult
    public func save(_ message: Message, then jobs: [NewJob]) async throws(StoreError) -> Bool {
        let row = MessageRow(message, keyring, node: node)
        let sealed = jobs.map { SealedJob($0, with: keyring) }
        let now = now()
        let isWritten = try await write(bytes: sealed.reduce(row.bytes) { $0 + $1.bytes }) { transaction in
            guard try transaction.save(row, at: now) else { return false }
            for job in sealed { try job.insert(in: transaction, at: now) }
            FaultPoint.reach("store_save_before_commit")
            return true
        }
        FaultPoint.reach("store_save_after_commit")
        return isWritten
    }

    public func message(_ id: MessageID, of owner: UserID) async throws(StoreError) -> Message {
        let keyring = keyring
        return try await read { transaction in try transaction.message(id, owner, keyring) }
    }

    public func answer(of stream: StreamID, of owner: UserID) async throws(StoreError) -> Message {
        let keyring = keyring
        return try await read { transaction in try transaction.answer(of: stream, owner, keyring) }
    }

    public func messages(
        of conversation: ConversationID, of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message> {
        let place = try place(cursor, MessagePlace.init)
        return try await page(of: conversation, owner, Self.forwards, place?.sequence ?? 0, limit)
    }

    public func messages(
        of conversation: ConversationID, of owner: UserID, before cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message> {
        let place = try place(cursor, MessagePlace.init)
        var page = try await page(of: conversation, owner, Self.backwards, place?.sequence ?? .max, limit)
        page.items.reverse()
        return page
    }

    /// The most bytes of text that a page reads; a message that passes them is the page's last.
    private static let pageBytes = 4 << 20

    static let forwards = SQL(
        unchecked: """
            SELECT \(Message.columns), text_bytes FROM message INDEXED BY message_sequence
            WHERE conversation = ? AND sequence > ? ORDER BY sequence LIMIT ?
            """)
    static let backwards = SQL(
        unchecked: """
            SELECT \(Message.columns), text_bytes FROM message INDEXED BY message_sequence
            WHERE conversation = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?
            """)

    private func page(
        of conversation: ConversationID, _ owner: UserID, _ sql: SQL, _ place: Int, _ limit: Int
    ) async throws(StoreError) -> Page<Message> {
        let keyring = keyring
        return try await read { transaction in
            guard try transaction.owner(of: conversation) == owner.text else { throw StoreError.notFound }
            var items: [Message] = []
            var next: String?
            var bytes = 0
            try transaction.forEach(sql, conversation.text, place, max(1, limit).saturated(1)) { row in
                if let last = items.last, items.count == max(1, limit) || bytes > Self.pageBytes {
                    next = MessagePlace(sequence: last.sequence).description
                    return false
                }
                items.append(try Message(row, keyring))
                bytes += try row.int(15)
                return true
            }
            return Page(items: items, next: next)
        }
    }
}

/// A message as it is written: sealed, and with the columns that are read without opening it.
struct MessageRow: Sendable {
    let message: Message
    private let sealed: Sealed
    private let figures: String?
    private let node: String?

    init(_ message: Message, _ keyring: Keyring, node: NodeID?) {
        self.init(message, Self.seal(message.text, message.reasoning, of: message.id, keyring), node: node)
    }

    static func seal(_ text: String, _ reasoning: String, of id: MessageID, _ keyring: Keyring) -> Sealed {
        keyring.seal([text, reasoning], in: .message, row: id.text)
    }

    /// Takes the texts as ``seal(_:_:of:_:)`` sealed them.
    init(_ message: Message, _ sealed: Sealed, node: NodeID?) {
        self.message = message
        self.sealed = sealed
        figures = Figures(message).text
        // Who writes matters while it is being written.
        self.node = message.state == .streaming ? node?.text : nil
    }

    /// About how much it writes.
    var bytes: Int { sealed.bytes.count + 300 }

    /// Puts it into its conversation.
    func insert(as sequence: Int, keyPrint: [UInt8]? = nil, in transaction: borrowing Transaction) throws(SQLiteError) {
        try transaction.run(
            """
            INSERT INTO message(id, conversation, owner, sequence, role, state, outcome, stream, last_offset, version,
                reply_to, retry_of, node, key_print, created_at, text_bytes, figures, key, body)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, message.id.text, message.conversation.text, message.owner.text, sequence, message.role.rawValue,
            message.state.rawValue, message.outcome?.rawValue, message.stream?.text, message.lastOffset,
            message.version, message.replyTo?.text, message.retryOf?.text, node, keyPrint,
            message.createdAt.milliseconds,
            message.text.utf8.count, figures, sealed.key, sealed.bytes)
    }

    /// Takes the place of an older version.
    fileprivate func update(_ stored: Standing, in transaction: borrowing Transaction) throws(SQLiteError) {
        guard stored.stream != message.stream?.text || stored.key != sealed.key else {
            // What is not named is not looked up in its index: nearly every save is such a one.
            try transaction.run(
                """
                UPDATE message SET state = ?, outcome = ?, last_offset = ?, version = ?, node = ?, text_bytes = ?,
                    figures = ?, body = ? WHERE place = ?
                """, message.state.rawValue, message.outcome?.rawValue, message.lastOffset, message.version, node,
                message.text.utf8.count, figures, sealed.bytes, stored.place)
            return
        }
        try transaction.run(
            """
            UPDATE message SET state = ?, outcome = ?, stream = coalesce(stream, ?), last_offset = ?, version = ?,
                node = ?, text_bytes = ?, figures = ?, key = ?, body = ? WHERE place = ?
            """, message.state.rawValue, message.outcome?.rawValue, message.stream?.text, message.lastOffset,
            message.version, node, message.text.utf8.count, figures, sealed.key, sealed.bytes, stored.place)
    }
}

/// What of a stored message decides whether another version may take its place.
private struct Standing {
    let place: Int64
    let owner: String
    let conversation: String
    let role: String
    let stream: String?
    let version: Int
    let key: Int64
}

// MARK: - Within a transaction

extension Transaction {
    private static let oneMessage = SQL(
        unchecked: "SELECT \(Message.columns) FROM message WHERE id = ? AND owner = ?")
    private static let oneAnswer = SQL(
        unchecked: "SELECT \(Message.columns) FROM message WHERE stream = ? AND owner = ?")

    borrowing func message(_ id: MessageID, _ owner: UserID, _ keyring: Keyring) throws -> Message {
        let found = try row(Self.oneMessage, id.text, owner.text) { row in try Message(row, keyring) }
        guard let found else { throw StoreError.notFound }
        return found
    }

    borrowing func answer(of stream: StreamID, _ owner: UserID, _ keyring: Keyring) throws -> Message {
        let found = try row(Self.oneAnswer, stream.text, owner.text) { row in try Message(row, keyring) }
        guard let found else { throw StoreError.notFound }
        return found
    }

    /// - Returns: whether it was written.
    fileprivate borrowing func save(_ new: MessageRow, at time: Timestamp) throws -> Bool {
        let message = new.message
        let stored = try row(
            "SELECT place, owner, conversation, role, stream, version, key FROM message WHERE id = ?", message.id.text
        ) { row in
            Standing(
                place: try row.int64(0), owner: try row.text(1), conversation: try row.text(2), role: try row.text(3),
                stream: try row.optionalText(4), version: try row.int(5), key: try row.int64(6))
        }
        guard let stored else {
            try insert(new, at: time)
            return true
        }
        guard stored.owner == message.owner.text else { throw StoreError.notFound }
        guard stored.conversation == message.conversation.text, stored.role == message.role.rawValue else {
            throw StoreError.conflict(.identifier)
        }
        if let stream = message.stream, stream.text != stored.stream {
            guard stored.stream == nil else { throw StoreError.conflict(.identifier) }
            try requireFree(stream, for: message.owner)
        }
        guard stored.version < message.version else { return false }
        try new.update(stored, in: self)
        return true
    }

    private borrowing func insert(_ new: MessageRow, at time: Timestamp) throws {
        let message = new.message
        guard try owner(of: message.conversation) == message.owner.text else { throw StoreError.notFound }
        if let id = message.replyTo {
            let isQuestion = try exists(
                """
                SELECT 1 FROM message WHERE id = ? AND conversation = ? AND owner = ? AND role = 'user'
                    AND reply_to IS NULL
                """, id.text, message.conversation.text, message.owner.text)
            guard isQuestion else { throw StoreError.notFound }
        }
        if let id = message.retryOf {
            let isAnswer = try exists(
                "SELECT 1 FROM message WHERE id = ? AND conversation = ? AND owner = ? AND role = 'assistant'", id.text,
                message.conversation.text, message.owner.text)
            guard isAnswer else { throw StoreError.notFound }
        }
        if let stream = message.stream { try requireFree(stream, for: message.owner) }
        let sequence = try use(message.conversation, of: message.owner, at: time, adding: 1).messages
        try new.insert(as: sequence, in: self)
    }

    /// Throws when a message has this stream.
    private borrowing func requireFree(_ stream: StreamID, for owner: UserID) throws {
        let holder = try row("SELECT owner FROM message WHERE stream = ?", stream.text) { row in try row.text(0) }
        if let holder { throw StoreError.taken(by: holder, wantedBy: owner) }
    }
}

extension StoreError {
    /// What somebody is told who wants a name that another row has: a conflict only who may know of that row.
    static func taken(by holder: String, wantedBy owner: UserID) -> StoreError {
        holder == owner.text ? .conflict(.identifier) : .notFound
    }
}
