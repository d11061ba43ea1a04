public import Core
import Encryption
public import Persistence
import PostgreSQL

/// Messages, one by one and page by page.
extension PostgresStore {
    @discardableResult
    public func save(_ message: Message, then jobs: [NewJob]) async throws(StoreError) -> Bool {
        let (keyring, node, now) = (keyring, node, now())
        let row = MessageRow(message, keyring, node: node)
        let jobs = JobRows(jobs, keyring)
        // Most often the row is there: then it takes one statement and one way.
        let isDone = try await run(as: .user(message.owner)) { transaction throws(StoreError) in
            do throws(StoreError) {
                return try transaction.finish([row.update(jobs)])[0].first?.get(0, as: Bool.self) ?? false
            } catch {
                guard error.takenKey == "message_stream" else { throw error }
                return false
            }
        }
        if isDone { return true }
        return try await run(as: .user(message.owner)) { transaction throws(StoreError) in
            try transaction.save(row, jobs, keyring, at: now)
        }
    }

    public func message(_ id: MessageID, of owner: UserID) async throws(StoreError) -> Message {
        let keyring = keyring
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            try transaction.finish(.message(id, owner)).message(keyring)
        }
    }

    public func answer(of stream: StreamID, of owner: UserID) async throws(StoreError) -> Message {
        let keyring = keyring
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            try transaction.finish(.answer(of: stream, owner)).message(keyring)
        }
    }

    public func messages(
        of conversation: ConversationID, of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message> {
        let place = try cursor.place(MessagePlace.init)?.sequence ?? 0
        return try await page(of: conversation, of: owner, limit: limit) {
            Statement(
                unchecked: """
                    SELECT \(Message.columns) FROM medstream.message
                     WHERE conversation = $1 AND owner = $2 AND sequence > $3 ORDER BY sequence LIMIT $4
                    """, [.uuid(conversation.text), .uuid(owner.text), .int(place), .int(rowsToRead(limit))])
        }
    }

    public func messages(
        of conversation: ConversationID, of owner: UserID, before cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Message> {
        let place = try cursor.place(MessagePlace.init)?.sequence ?? Int(Int32.max)
        var page = try await page(of: conversation, of: owner, limit: limit) {
            Statement(
                unchecked: """
                    SELECT \(Message.columns) FROM medstream.message
                     WHERE conversation = $1 AND owner = $2 AND sequence < $3 ORDER BY sequence DESC LIMIT $4
                    """, [.uuid(conversation.text), .uuid(owner.text), .int(place), .int(rowsToRead(limit))])
        }
        page.items.reverse()
        return page
    }

    private func page(
        of conversation: ConversationID, of owner: UserID, limit: Int, _ statement: @Sendable () -> Statement
    ) async throws(StoreError) -> Page<Message> {
        let (keyring, statement) = (keyring, statement())
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            let rows = try transaction.finish([.conversationExists(conversation, owner), statement])
            guard !rows[0].isEmpty else { throw .notFound }
            let items = try rows[1].prefix(max(1, limit)).map { row throws(StoreError) in try Message(row, keyring) }
            let last = items.last.map { MessagePlace(sequence: $0.sequence).description }
            return Page(items: items, next: items.count < rows[1].count ? last : nil)
        }
    }
}

// MARK: - Writing

extension Transaction {
    /// Saves what was not simply newer than a row that is there.
    fileprivate mutating func save(
        _ row: MessageRow, _ jobs: JobRows, _ keyring: Keyring, at now: Timestamp
    ) throws(StoreError) -> Bool {
        let message = row.message
        let found = try run([
            .lock(message.owner), .message(message.id, message.owner, locked: true),
            .conversationExists(message.conversation, message.owner), .lastUse(of: message.owner),
        ])
        if let stored = try found[1].first.map({ row throws(StoreError) in try Message(row, keyring) }) {
            guard stored.conversation == message.conversation, stored.role == message.role else {
                throw .conflict(.identifier)
            }
            if let stream = message.stream, stream != stored.stream {
                guard stored.stream == nil else { throw .conflict(.identifier) }
                if try isAnothers(stream: stream) { throw .notFound }
                try checkFree(stream, for: message.owner)
            }
            guard stored.version < message.version else { return false }
            return try writing { transaction throws(StoreError) in
                try transaction.finish([row.update(jobs)])[0].first?.get(0, as: Bool.self) ?? false
            }
        }
        guard !found[2].isEmpty else { throw .notFound }
        if let id = message.replyTo { try check(id, in: message) { $0.role == .user && $0.replyTo == nil } }
        if let id = message.retryOf { try check(id, in: message) { $0.role == .assistant } }
        if let stream = message.stream {
            do throws(StoreError) {
                try checkFree(stream, for: message.owner)
            } catch {
                throw try isAnothers(message: message.id) ? .notFound : error
            }
        }
        let place = try run(.use(message.conversation, at: try found[3].use(at: now), adding: 1))
        guard let sequence = try place.first?.get(0, as: Int.self) else { throw .notFound }
        return try writing { transaction throws(StoreError) in
            _ = try transaction.finish([row.insert(sequence: sequence)] + jobs.insertion)
            return true
        }
    }

    /// Does what may meet a name that another row has: not this user's, or we should have seen it before.
    mutating func writing<Answer>(
        _ body: (inout Transaction) throws(StoreError) -> Answer
    ) throws(StoreError) -> Answer {
        do {
            return try body(&self)
        } catch {
            throw error.takenKey == nil ? error : .notFound
        }
    }

    /// A message that a newer one names must be of its conversation and of the right kind.
    private mutating func check(
        _ id: MessageID, in newer: Message, _ isFit: (MessageNames) -> Bool
    ) throws(StoreError) {
        guard let row = try run(.names(of: id, newer.owner)).first else { throw .notFound }
        let names = try MessageNames(row)
        guard names.conversation == newer.conversation, isFit(names) else { throw .notFound }
    }

    /// A stream that another row of the user's has is a conflict; one that another user's row has is not told of.
    mutating func checkFree(_ stream: StreamID, for owner: UserID) throws(StoreError) {
        guard try run(.streamExists(stream, owner)).isEmpty else { throw .conflict(.identifier) }
    }

    /// Whether a name is that of another user's row; asked only where something is about to be refused for another reason.
    mutating func isAnothers(
        conversation: ConversationID? = nil, message: MessageID? = nil, stream: StreamID? = nil
    ) throws(StoreError) -> Bool {
        try run(
            Statement(
                "SELECT medstream.is_anothers($1::uuid, $2::uuid, $3::text)",
                [.uuid(ifAny: conversation?.text), .uuid(ifAny: message?.text), .text(ifAny: stream?.text)])
        ).first?.get(0) ?? false
    }
}

extension Statement {
    static func message(_ id: MessageID, _ owner: UserID, locked: Bool = false) -> Statement {
        Statement(
            unchecked: """
                SELECT \(Message.columns) FROM medstream.message WHERE id = $1 AND owner = $2\
                \(locked ? " FOR UPDATE" : "")
                """, [.uuid(id.text), .uuid(owner.text)])
    }

    static func answer(of stream: StreamID, _ owner: UserID) -> Statement {
        Statement(
            unchecked: "SELECT \(Message.columns) FROM medstream.message WHERE stream = $1 AND owner = $2",
            [.text(stream.text), .uuid(owner.text)])
    }

    static func conversationExists(_ id: ConversationID, _ owner: UserID) -> Statement {
        Statement(
            "SELECT 1 FROM medstream.conversation WHERE id = $1 AND owner = $2", [.uuid(id.text), .uuid(owner.text)])
    }

    fileprivate static func names(of id: MessageID, _ owner: UserID) -> Statement {
        Statement(
            "SELECT conversation, role, reply_to FROM medstream.message WHERE id = $1 AND owner = $2",
            [.uuid(id.text), .uuid(owner.text)])
    }

    fileprivate static func streamExists(_ stream: StreamID, _ owner: UserID) -> Statement {
        Statement(
            "SELECT 1 FROM medstream.message WHERE stream = $1 AND owner = $2", [.text(stream.text), .uuid(owner.text)])
    }

    /// Puts a conversation at the head of its list and makes room for messages at its end; answers the first one's place.
    static func use(_ id: ConversationID, at time: Timestamp, adding messages: Int) -> Statement {
        Statement(
            """
            UPDATE medstream.conversation SET updated_at = $2, messages = messages + $3 WHERE id = $1
            RETURNING (messages - $3 + 1)::bigint
            """, [.uuid(id.text), .int(Int(time.milliseconds)), .int(messages)])
    }
}

/// What of a message others may refer to.
private struct MessageNames {
    let conversation: ConversationID
    let role: Prompt.Role
    let replyTo: MessageID?

    init(_ row: Row) throws(StoreError) {
        guard let conversation = ConversationID(try row.get(0)), let role = Prompt.Role(rawValue: try row.get(1)) else {
            throw .notFound
        }
        self.conversation = conversation
        self.role = role
        replyTo = try row.get(2, as: String?.self).flatMap { MessageID($0) }
    }
}
