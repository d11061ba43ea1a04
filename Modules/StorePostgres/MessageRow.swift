import Core
import Encryption
import Persistence
import PostgreSQL

/// A message as it is written: sealed, and with the columns that are read without opening it.
struct MessageRow: Sendable {
    let message: Message
    private let sealed: Sealed
    private let node: String?

    init(_ message: Message, _ keyring: Keyring, node: PostgresNode?) {
        self.message = message
        sealed = Sealed(message, keyring)
        // Who writes matters while it is being written.
        self.node = message.state == .streaming ? node?.id.text : nil
    }

    func insert(sequence: Int) -> Statement {
        Statement(
            """
            INSERT INTO medstream.message (sequence, id, conversation, owner, role, state, outcome, stream, last_offset,
              version, reply_to, retry_of, node, created_at, text_bytes, figures, body, key)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
            """,
            [
                .int(sequence), .uuid(message.id.text), .uuid(message.conversation.text), .uuid(message.owner.text),
                .text(message.role.rawValue), .text(message.state.rawValue), .text(ifAny: message.outcome?.rawValue),
                .text(ifAny: message.stream?.text), .int(ifAny: message.lastOffset), .int(message.version),
                .uuid(ifAny: message.replyTo?.text), .uuid(ifAny: message.retryOf?.text), .uuid(ifAny: node),
                .int(Int(message.createdAt.milliseconds)), .int(message.text.utf8.count),
                .text(ifAny: Figures(message).text), .bytes(sealed.bytes), sealed.key,
            ])
    }

    /// Replaces an older version of the row and adds the jobs, or does neither and gives no row.
    func update(_ jobs: JobRows) -> Statement {
        let values: [Value] = [
            .uuid(message.id.text), .uuid(message.conversation.text), .uuid(message.owner.text),
            .text(message.role.rawValue), .text(message.state.rawValue), .text(ifAny: message.outcome?.rawValue),
            .text(ifAny: message.stream?.text), .int(ifAny: message.lastOffset), .int(message.version),
            .uuid(ifAny: node), .int(message.text.utf8.count), .text(ifAny: Figures(message).text),
            .bytes(sealed.bytes), sealed.key,
        ]
        switch jobs.count {
        case .none: return Statement(unchecked: Self.update + " RETURNING true", values)
        case .one: return Statement(unchecked: Self.updateWithJob, values + jobs.values)
        case .many: return Statement(unchecked: Self.update(with: .many), values + jobs.values)
        }
    }

    private static let updateWithJob = update(with: .one)

    private static func update(with jobs: JobRows.Count) -> String {
        """
        WITH written AS (\(update) RETURNING true AS done),
          added AS (\(JobRows.insertion(of: jobs, firstValue: 15, where: "EXISTS (SELECT FROM written)")))
        SELECT done FROM written
        """
    }

    /// Of the two indexes that could find the row the one of `id` is to: the other has all of the conversation's, and a
    /// planner without statistics thinks them alike.
    private static let update = """
        UPDATE medstream.message SET state = $5, outcome = $6, stream = coalesce(stream, $7::text), last_offset = $8,
          version = $9, node = $10, text_bytes = $11, figures = $12, body = $13, key = $14
         WHERE id = $1 AND conversation IS NOT DISTINCT FROM $2 AND owner = $3 AND role = $4 AND version < $9
           AND (stream IS NULL OR $7::text IS NULL OR stream = $7::text)
        """
}

extension Sealed {
    /// What of a message nobody reads without the key.
    init(_ message: Message, _ keyring: Keyring) {
        self = keyring.seal([message.text, message.reasoning], in: .message, row: message.id.text)
    }
}

extension Message {
    static var columns: String {
        """
        id, conversation, owner, sequence, role, state, outcome, stream, last_offset, version, reply_to, retry_of, \
        created_at, figures, body
        """
    }

    /// Reads a row of ``columns``.
    init(_ row: Row, _ keyring: Keyring) throws(StoreError) {
        let text: String = try row.get(0)
        let outcome = try row.get(6, as: String?.self)
        guard let id = MessageID(text), let conversation = ConversationID(try row.get(1)),
            let owner = UserID(try row.get(2)), let role = Prompt.Role(rawValue: try row.get(4)),
            let state = State(rawValue: try row.get(5)), outcome == nil || outcome.flatMap(Outcome.init) != nil
        else {
            throw .unavailable(UnreadableRow(table: "message", row: text, reason: "It is not one of this version's."))
        }
        let texts = try keyring.open(try row.get(14), 2, in: .message, row: text)
        let figures = try Figures(try row.get(13), of: .message, row: text)
        self.init(
            id: id, conversation: conversation, owner: owner, sequence: try row.get(3), role: role, text: texts[0],
            reasoning: texts[1], state: state, outcome: outcome.flatMap(Outcome.init),
            stream: try row.get(7, as: String?.self).flatMap { StreamID($0) }, lastOffset: try row.get(8),
            provider: figures.provider, model: figures.model, usage: figures.usage, cost: figures.cost,
            spans: figures.spans, version: try row.get(9),
            replyTo: try row.get(10, as: String?.self).flatMap { MessageID($0) },
            retryOf: try row.get(11, as: String?.self).flatMap { MessageID($0) },
            createdAt: Timestamp(milliseconds: Int64(try row.get(12, as: Int.self))))
    }
}

extension Rows {
    func message(_ keyring: Keyring) throws(StoreError) -> Message {
        guard let row = first else { throw .notFound }
        return try Message(row, keyring)
    }
}
