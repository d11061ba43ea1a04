public import Core
import Encryption
public import Persistence
import PostgreSQL

/// What was said before, and what it used.
extension PostgresStore {
    public func history(
        of conversation: ConversationID, of owner: UserID, before sequence: Int, limit: Int
    ) async throws(StoreError) -> [Message] {
        let keyring = keyring
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            var wanted: [String] = []
            var room = max(0, limit)
            var place = min(max(1, sequence), Int(Int32.max))
            // The lengths first, in growing steps, so that no text is read that will not be said.
            for step in [16, 64, 256, 1024] + Array(repeating: 4096, count: 10_000) {
                let rows = try transaction.run([
                    .conversationExists(conversation, owner),
                    .said(in: conversation, owner, before: place, limit: step),
                ])
                guard !rows[0].isEmpty else { throw .notFound }
                for row in rows[1] {
                    place = try row.get(0)
                    for part in [3, 1] {
                        // An answer first, then what it answers; `nil` stands for one that is not told.
                        guard room >= 0, let bytes: Int = try row.get(part + 1) else { continue }
                        wanted.append(try row.get(part))
                        room -= bytes
                    }
                    if room < 0 { break }
                }
                if room < 0 || rows[1].count < step { break }
            }
            guard !wanted.isEmpty else { return [] }
            let rows = try transaction.finish(.messages(wanted, owner))
            return try rows.map { row throws(StoreError) in try Message(row, keyring) }
        }
    }

    public func usage(
        of owner: UserID, from start: Timestamp, to end: Timestamp
    ) async throws(StoreError) -> [UsageSum] {
        let rows = try await run(as: .user(owner)) { transaction throws(StoreError) in
            try transaction.finish(
                Statement(
                    """
                    SELECT m.id, m.created_at, m.figures, c.kind
                      FROM medstream.message m JOIN medstream.conversation c ON c.id = m.conversation
                     WHERE m.owner = $1 AND m.role = 'assistant' AND m.state = 'final'
                       AND m.created_at >= $2 AND m.created_at < $3
                    """, [.uuid(owner.text), .int(Int(start.milliseconds)), .int(Int(end.milliseconds))]))
        }
        var sums: [UsageSum] = []
        var bound = 1000
        for row in rows {
            let figures = try Figures(try row.get(2), of: .message, row: try row.get(0))
            guard let stage = Stage(rawValue: try row.get(3)) else { continue }
            let time = Timestamp(milliseconds: Int64(try row.get(1, as: Int.self)))
            sums += UsageSum.sums(of: figures.answer(at: time), in: stage)
            // Added up as they come, so that a year's answers take no more room than its days.
            guard sums.count > bound else { continue }
            sums = sums.grouped { $0 }
            bound = max(1000, 2 * sums.count)
        }
        return sums.grouped { $0 }
    }
}

extension Figures {
    /// An answer that used and cost this, without its names.
    fileprivate func answer(at time: Timestamp) -> Message {
        Message(
            conversation: ConversationID(), owner: UserID(), role: .assistant, provider: provider, model: model,
            usage: usage, cost: cost, spans: spans, createdAt: time)
    }
}

extension Statement {
    /// Messages that reply to nothing, the last first, with the last answer to each; lengths of those that can be told.
    fileprivate static func said(
        in conversation: ConversationID, _ owner: UserID, before sequence: Int, limit: Int
    ) -> Statement {
        Statement(
            """
            SELECT m.sequence::bigint, m.id,
                CASE WHEN m.state = 'final' AND m.text_bytes > 0 THEN m.text_bytes END, a.id,
                CASE WHEN a.state = 'final' AND a.text_bytes > 0 THEN a.text_bytes END
              FROM medstream.message m LEFT JOIN LATERAL (
                SELECT r.id, r.state, r.text_bytes FROM medstream.message r
                 WHERE r.reply_to = m.id ORDER BY r.sequence DESC LIMIT 1) a ON true
             WHERE m.conversation = $1 AND m.owner = $2 AND m.sequence < $3 AND m.reply_to IS NULL
             ORDER BY m.sequence DESC LIMIT $4
            """, [.uuid(conversation.text), .uuid(owner.text), .int(sequence), .int(limit)])
    }

    fileprivate static func messages(_ ids: [String], _ owner: UserID) -> Statement {
        Statement(
            unchecked: """
                SELECT \(Message.columns) FROM medstream.message
                  JOIN unnest($1) WITH ORDINALITY AS wanted(name, place) ON id = name
                 WHERE owner = $2 ORDER BY place
                """, [.uuids(ids), .uuid(owner.text)])
    }
}
