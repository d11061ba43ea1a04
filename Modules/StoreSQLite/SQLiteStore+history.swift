public import Core
import Encryption
public import Persistence
import SQLite

/// What was said before, and what it used.
extension SQLiteStore {
    public func history(
        of conversation: ConversationID, of owner: UserID, before sequence: Int, limit: Int
    ) async throws(StoreError) -> [Message] {
        let keyring = keyring
        return try await read { transaction in
            guard try transaction.owner(of: conversation) == owner.text else { throw StoreError.notFound }
            var history: [Message] = []
            var room = max(0, limit)

            func take(_ row: borrowing Row) throws {
                guard room >= 0, try row.text(5) == Message.State.final.rawValue, try row.int(15) > 0 else { return }
                history.append(try Message(row, keyring))
                room -= try row.int(15)
            }

            // An answer comes up with what it answers, wherever it lies itself.
            try transaction.forEach(Self.said, conversation.text, max(1, sequence)) { message in
                _ = try transaction.row(Self.lastAnswer, try message.text(0)) { row in try take(row) }
                try take(message)
                return room >= 0
            }
            return history
        }
    }

    static let said = SQL(
        unchecked: """
            SELECT \(Message.columns), text_bytes FROM message INDEXED BY message_sequence
            WHERE conversation = ? AND sequence < ? AND reply_to IS NULL ORDER BY sequence DESC
            """)
    static let lastAnswer = SQL(
        unchecked: """
            SELECT \(Message.columns), text_bytes FROM message INDEXED BY message_answers
            WHERE reply_to = ? AND reply_to IS NOT NULL ORDER BY sequence DESC LIMIT 1
            """)

    public func usage(
        of owner: UserID, from start: Timestamp, to end: Timestamp
    ) async throws(StoreError) -> [UsageSum] {
        var sums: [UsageSum] = []
        var place: (time: Int64, row: Int64)? = (start.milliseconds, -1)
        // Some thousand at a time, so that no read stays open long.
        while let from = place {
            let part = try await read { transaction in
                var sums: [UsageSum] = []
                var last: (time: Int64, row: Int64)?
                var count = 0
                try transaction.forEach(
                    Self.used, owner.text, from.time, from.row, end.milliseconds, Self.usedAtOnce
                ) { row in
                    count += 1
                    last = (try row.int64(1), try row.int64(0))
                    let figures = try Figures(try row.optionalText(2), of: .message, row: "\(try row.int64(0))")
                    guard let stage = Stage(rawValue: try row.text(3)) else { return true }
                    let time = Timestamp(milliseconds: try row.int64(1))
                    sums += UsageSum.sums(of: figures.answer(at: time), in: stage)
                    return true
                }
                return (sums: sums.grouped { $0 }, last: count == Self.usedAtOnce ? last : nil)
            }
            sums = (sums + part.sums).grouped { $0 }
            place = part.last
        }
        return sums
    }

    private static let usedAtOnce = 5000
    static let used: SQL = """
        SELECT m.place, m.created_at, m.figures, c.kind
        FROM message m INDEXED BY message_used JOIN conversation c ON c.id = m.conversation
        WHERE m.owner = ?1 AND m.state = 'final' AND m.role = 'assistant' AND (m.created_at, m.place) > (?2, ?3)
            AND m.created_at < ?4 ORDER BY m.created_at, m.place LIMIT ?5
        """
}

extension Figures {
    /// An answer that used and cost this, without its names.
    fileprivate func answer(at time: Timestamp) -> Message {
        Message(
            conversation: ConversationID(), owner: UserID(), role: .assistant, provider: provider, model: model,
            usage: usage, cost: cost, spans: spans, createdAt: time)
    }
}
