public import Core
public import Persistence
import Encryption
import SQLite

/// Conversations and their list.
extension SQLiteStore {
    public func insert(_ conversation: Conversation) async throws(StoreError) {
        let sealed = conversation.sealed(keyring)
        try await add(bytes: sealed.bytes.count) { transaction in
            let owner = try transaction.owner(of: conversation.id)
            guard owner == nil else {
                guard owner == conversation.owner.text else { throw StoreError.notFound }
                return
            }
            try transaction.insert(conversation, sealed, at: conversation.createdAt)
        }
    }

    public func conversation(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> Conversation {
        let keyring = keyring
        return try await read { transaction in
            let found = try transaction.row(Self.oneConversation, id.text, owner.text) { row in
                try Conversation(row, keyring)
            }
            guard let found else { throw StoreError.notFound }
            return found
        }
    }

    fileprivate static let oneConversation = SQL(
        unchecked: "SELECT \(Conversation.columns) FROM conversation WHERE id = ? AND owner = ?")

    public func conversations(
        of owner: UserID, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page<Conversation> {
        let place = try place(cursor, ListPlace.init)
        let keyring = keyring
        return try await read { transaction in
            var items: [Conversation] = []
            var next: String?
            try transaction.forEach(
                Self.list, owner.text, place?.time.milliseconds ?? .max, place?.id ?? "", max(1, limit).saturated(1)
            ) { row in
                if items.count == max(1, limit) {
                    next = items.last.map { ListPlace($0).description }
                    return false
                }
                items.append(try Conversation(row, keyring))
                return true
            }
            return Page(items: items, next: next)
        }
    }

    static let list = SQL(
        unchecked: """
            SELECT \(Conversation.columns) FROM conversation INDEXED BY conversation_list
            WHERE owner = ? AND (updated_at, id) < (?, ?) ORDER BY updated_at DESC, id DESC LIMIT ?
            """)

    @discardableResult
    public func rename(
        _ id: ConversationID, to title: String, of owner: UserID
    ) async throws(StoreError) -> Conversation {
        let (keyring, now) = (keyring, now())
        return try await write(bytes: title.utf8.count) { transaction in
            var conversation = try transaction.conversation(id, owner, keyring)
            conversation.rename(title)
            conversation.updatedAt = try transaction.use(id, of: owner, at: now, adding: 0).at
            try transaction.replaceText(of: conversation, keyring)
            return conversation
        }
    }

    @discardableResult
    public func describe(
        _ id: ConversationID, title: String?, summary: String, of owner: UserID
    ) async throws(StoreError) -> Conversation {
        let keyring = keyring
        return try await write(bytes: summary.utf8.count) { transaction in
            var conversation = try transaction.conversation(id, owner, keyring)
            conversation.describe(title: title, summary: summary)
            try transaction.replaceText(of: conversation, keyring)
            return conversation
        }
    }

    @discardableResult
    public func delete(_ id: ConversationID, of owner: UserID) async throws(StoreError) -> [StreamID] {
        try await write { transaction in
            guard try transaction.owner(of: id) == owner.text else { throw StoreError.notFound }
            let streams = try transaction.rows(
                "SELECT stream FROM message WHERE conversation = ? AND stream IS NOT NULL ORDER BY sequence", id.text
            ) { row in try row.text(0) }
            try transaction.delete(conversation: id.text)
            return streams.compactMap { StreamID($0) }
        }
    }
}

extension Int {
    /// A sum that stays at the largest number.
    func saturated(_ more: Int) -> Int {
        let (sum, overflows) = addingReportingOverflow(more)
        return overflows ? .max : sum
    }
}

// MARK: - Within a transaction

extension Transaction {
    /// Whose a conversation is; `nil` when there is none.
    borrowing func owner(of id: ConversationID) throws -> String? {
        try row("SELECT owner FROM conversation WHERE id = ?", id.text) { row in try row.text(0) }
    }

    borrowing func conversation(
        _ id: ConversationID, _ owner: UserID, _ keyring: Keyring
    ) throws -> Conversation {
        let found = try row(SQLiteStore.oneConversation, id.text, owner.text) { row in try Conversation(row, keyring) }
        guard let found else { throw StoreError.notFound }
        return found
    }

    /// Puts a new conversation at the head of its owner's list, with so many messages to come.
    borrowing func insert(
        _ conversation: Conversation, _ sealed: Sealed, at time: Timestamp, messages: Int = 0
    ) throws(SQLiteError) {
        try run(
            """
            INSERT INTO conversation(id, owner, kind, is_named, messages, created_at, updated_at, key, body)
            VALUES (?1, ?2, ?3, ?4, ?9, ?5,
                max(?6, 1 + coalesce((SELECT max(updated_at) FROM conversation WHERE owner = ?2), ?6 - 1)), ?7, ?8)
            """, conversation.id.text, conversation.owner.text, conversation.kind.rawValue, conversation.isNamed,
            conversation.createdAt.milliseconds, time.milliseconds, sealed.key, sealed.bytes, messages)
    }

    /// Puts a conversation at the head of its owner's list, even when the clock stood still or went back.
    ///
    /// Returns when it was used then, and how many messages it has with the `count` that it is about to be given.
    borrowing func use(
        _ id: ConversationID, of owner: UserID, at time: Timestamp, adding count: Int
    ) throws -> (at: Timestamp, messages: Int) {
        let used = try row(
            """
            UPDATE conversation SET messages = messages + ?4, updated_at =
                max(?1, 1 + (SELECT max(updated_at) FROM conversation WHERE owner = ?2))
            WHERE id = ?3 AND owner = ?2 RETURNING updated_at, messages
            """, time.milliseconds, owner.text, id.text, count
        ) { row in (at: Timestamp(milliseconds: try row.int64(0)), messages: try row.int(1)) }
        guard let used else { throw StoreError.notFound }
        return used
    }

    fileprivate borrowing func replaceText(of conversation: Conversation, _ keyring: Keyring) throws(SQLiteError) {
        let sealed = conversation.sealed(keyring)
        try run(
            "UPDATE conversation SET is_named = ?, key = ?, body = ? WHERE id = ?", conversation.isNamed, sealed.key,
            sealed.bytes, conversation.id.text)
    }

    /// Deletes a conversation with all that hangs on it.
    ///
    /// - Returns: how many messages and keys went with it.
    @discardableResult
    borrowing func delete(conversation id: String) throws(SQLiteError) -> (messages: Int, keys: Int) {
        let keys = try run(
            """
            DELETE FROM idempotency_key WHERE conversation = ?1 AND (owner, key_print) IN
                (SELECT owner, key_print FROM message WHERE conversation = ?1 AND key_print IS NOT NULL)
            """, id)
        let messages = try run("DELETE FROM message WHERE conversation = ?", id)
        try run("DELETE FROM conversation WHERE id = ?", id)
        return (messages, keys)
    }
}
