public import Core
import Encryption
public import Persistence
import PostgreSQL

/// Conversations and their list.
extension PostgresStore {
    public func insert(_ conversation: Conversation) async throws(StoreError) {
        let (keyring, owner) = (keyring, conversation.owner)
        try await run(as: .user(owner)) { transaction throws(StoreError) in
            let rows = try transaction.run([
                .lock(owner),
                Statement("SELECT 1 FROM medstream.conversation WHERE id = $1", [.uuid(conversation.id.text)]),
                .lastUse(of: owner),
            ])
            guard rows[1].isEmpty else { return }
            var new = conversation
            new.updatedAt = try rows[2].use(at: conversation.createdAt)
            try transaction.insert(new, keyring)
        }
    }

    public func conversation(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> Conversation {
        let keyring = keyring
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            try transaction.finish(.conversation(id, owner)).conversation(keyring)
        }
    }

    public func conversations(
        of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Conversation> {
        let place = try cursor.place(ListPlace.init)
        let keyring = keyring
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    unchecked: """
                        SELECT \(Conversation.columns) FROM medstream.conversation
                         WHERE owner = $1 AND (updated_at, id) < ($2, $3)
                         ORDER BY updated_at DESC, id DESC LIMIT $4
                        """,
                    [
                        .uuid(owner.text), .int(place.map { Int($0.time.milliseconds) } ?? .max),
                        .uuid(place?.id ?? "ffffffff-ffff-ffff-ffff-ffffffffffff"), .int(rowsToRead(limit)),
                    ]))
            let items = try rows.prefix(max(1, limit)).map { row throws(StoreError) in try Conversation(row, keyring) }
            return Page(
                items: items, next: items.count < rows.count ? items.last.map { ListPlace($0).description } : nil)
        }
    }

    @discardableResult
    public func rename(
        _ id: ConversationID, to title: String, of owner: UserID
    ) async throws(StoreError) -> Conversation {
        let (keyring, now) = (keyring, now())
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            let rows = try transaction.run([.lock(owner), .conversation(id, owner, locked: true), .lastUse(of: owner)])
            var conversation = try rows[1].conversation(keyring)
            conversation.rename(title)
            conversation.updatedAt = try rows[2].use(at: now)
            return try transaction.update(conversation, keyring)
        }
    }

    @discardableResult
    public func describe(
        _ id: ConversationID, title: String?, summary: String, of owner: UserID
    ) async throws(StoreError) -> Conversation {
        let keyring = keyring
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            var conversation = try transaction.run(.conversation(id, owner, locked: true)).conversation(keyring)
            conversation.describe(title: title, summary: summary)
            return try transaction.update(conversation, keyring)
        }
    }

    @discardableResult
    public func delete(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> [StreamID] {
        try await run(as: .user(owner)) { transaction throws(StoreError) in
            // Keys go with it, by their foreign key.
            let rows = try transaction.finish([
                .lock(owner),
                Statement(
                    "DELETE FROM medstream.message WHERE conversation = $1 AND owner = $2 RETURNING sequence, stream",
                    [.uuid(id.text), .uuid(owner.text)]),
                Statement(
                    "DELETE FROM medstream.conversation WHERE id = $1 AND owner = $2",
                    [.uuid(id.text), .uuid(owner.text)]),
            ])
            guard rows[2].affected > 0 else { throw .notFound }
            let streams = try rows[1].map { row throws(StoreError) in
                (place: try row.get(0, as: Int.self), stream: try row.get(1, as: String?.self).flatMap { StreamID($0) })
            }
            return streams.sorted { $0.place < $1.place }.compactMap(\.stream)
        }
    }
}

// MARK: - Rows

extension Conversation {
    static var columns: String { "id, owner, kind, is_named, created_at, updated_at, body" }

    init(_ row: Row, _ keyring: Keyring) throws(StoreError) {
        let id: String = try row.get(0)
        guard let name = ConversationID(id), let owner = UserID(try row.get(1)),
            let kind = Stage(rawValue: try row.get(2))
        else {
            throw .unavailable(
                UnreadableRow(table: "conversation", row: id, reason: "It is not one of this version's."))
        }
        let texts = try keyring.open(try row.get(6), 2, in: .conversation, row: id)
        self.init(
            id: name, owner: owner, kind: kind, title: texts[0], isNamed: try row.get(3), summary: texts[1],
            createdAt: Timestamp(milliseconds: Int64(try row.get(4, as: Int.self))))
        updatedAt = Timestamp(milliseconds: Int64(try row.get(5, as: Int.self)))
    }

    func sealed(_ keyring: Keyring) -> Sealed {
        keyring.seal([title, summary], in: .conversation, row: id.text)
    }
}

extension Statement {
    /// Lets one transaction of a user's through at a time, so that their uses have an order.
    ///
    /// A lock without a row, so that a first use has one too; it is given back with the transaction.
    static func lock(_ owner: UserID) -> Statement {
        Statement("SELECT pg_advisory_xact_lock(hashtextextended($1, 1296389197))::text", [.text(owner.text)])
    }

    /// When the user last used a conversation.
    static func lastUse(of owner: UserID) -> Statement {
        Statement(
            "SELECT updated_at FROM medstream.conversation WHERE owner = $1 ORDER BY updated_at DESC LIMIT 1",
            [.uuid(owner.text)])
    }

    static func conversation(_ id: ConversationID, _ owner: UserID, locked: Bool = false) -> Statement {
        Statement(
            unchecked: """
                SELECT \(Conversation.columns) FROM medstream.conversation WHERE id = $1 AND owner = $2\
                \(locked ? " FOR UPDATE" : "")
                """, [.uuid(id.text), .uuid(owner.text)])
    }
}

extension Rows {
    func conversation(_ keyring: Keyring) throws(StoreError) -> Conversation {
        guard let row = first else { throw .notFound }
        return try Conversation(row, keyring)
    }

    /// The time of a use now, after the last one even when the clock stood still or went back.
    func use(at time: Timestamp) throws(StoreError) -> Timestamp {
        guard let last = try first?.get(0, as: Int.self) else { return time }
        return Swift.max(time, Timestamp(milliseconds: Int64(last) + 1))
    }
}

extension Transaction {
    /// Adds a row whose id the user's transaction does not see; another's is told like one that is not there.
    mutating func insert(_ conversation: Conversation, _ keyring: Keyring, messages: Int = 0) throws(StoreError) {
        _ = try writing { transaction throws(StoreError) in
            try transaction.run(.insert(conversation, keyring, messages: messages))
        }
    }

    fileprivate mutating func update(_ conversation: Conversation, _ keyring: Keyring) throws(StoreError)
        -> Conversation
    {
        let sealed = conversation.sealed(keyring)
        _ = try finish(
            Statement(
                """
                UPDATE medstream.conversation SET is_named = $2, updated_at = $3, body = $4, key = $5 WHERE id = $1
                """,
                [
                    .uuid(conversation.id.text), .bool(conversation.isNamed),
                    .int(Int(conversation.updatedAt.milliseconds)), .bytes(sealed.bytes), sealed.key,
                ]))
        return conversation
    }
}

extension Statement {
    static func insert(_ conversation: Conversation, _ keyring: Keyring, messages: Int = 0) -> Statement {
        let sealed = conversation.sealed(keyring)
        return Statement(
            """
            INSERT INTO medstream.conversation
              (id, owner, kind, is_named, created_at, updated_at, messages, body, key)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            [
                .uuid(conversation.id.text), .uuid(conversation.owner.text), .text(conversation.kind.rawValue),
                .bool(conversation.isNamed), .int(Int(conversation.createdAt.milliseconds)),
                .int(Int(conversation.updatedAt.milliseconds)), .int(messages), .bytes(sealed.bytes), sealed.key,
            ])
    }
}
