import Core
import Encryption
import Persistence
import PostgreSQL

/// The rows of a turn that begins with something new, ready to be put in by one statement.
///
/// The statement does nothing when the key is known or the conversation is not there, and fails when a name is taken: all of
/// it is then looked into step by step.
struct NewRows: Sendable {
    private let begun: BegunTurn
    private let sql: SQL
    private let values: [Value]

    /// - Returns: `nil` for another answer to what was said before.
    init?(_ turn: NewTurn, _ prints: KeyPrints?, _ keyring: Keyring, _ node: PostgresNode?, at now: Timestamp) {
        let (owner, names) = (turn.owner, turn.names)
        let conversation: Conversation
        let said: String
        switch turn.subject {
        case .newConversation(let kind, let title, let text):
            (said, sql) = (text, prints == nil ? .newConversation : .newConversationAndKey)
            conversation = Conversation(
                id: names.conversation, owner: owner, kind: kind, title: title, createdAt: now)
        case .message(let id, let text):
            (said, sql) = (text, prints == nil ? .message : .messageAndKey)
            conversation = Conversation(id: id, owner: owner, createdAt: now)
        case .retry: return nil
        }
        let question = turn.question(said, in: conversation.id, at: now)
        let answer = turn.answer(to: question, at: now)
        let reference = TurnReference(
            conversation: conversation.id, userMessage: question.id, assistantMessage: answer.id, stream: names.stream)
        begun = BegunTurn(turn: reference, isNew: true, question: question, answer: answer)

        let (asked, opened) = (Sealed(question, keyring), Sealed(answer, keyring))
        var values: [Value] = [
            .uuid(conversation.id.text), .uuid(owner.text), .int(Int(now.milliseconds)), .bytes(prints?.key ?? []),
            .uuid(question.id.text), .int(said.utf8.count), .bytes(asked.bytes), asked.key,
            .uuid(answer.id.text), .text(names.stream.text), .uuid(ifAny: node?.id.text), .bytes(opened.bytes),
            opened.key,
        ]
        if let prints { values += [.bytes(prints.subject), .int(Int((now + turn.keyRetention).milliseconds))] }
        if case .newConversation = turn.subject {
            let sealed = conversation.sealed(keyring)
            values += [
                .text(conversation.kind.rawValue), .bool(conversation.isNamed), .bytes(sealed.bytes), sealed.key,
            ]
        }
        self.values = values
    }

    var statement: Statement { Statement(unchecked: sql.text, values) }

    /// The turn with the places that its rows were given.
    func begun(at sequence: Int) -> BegunTurn {
        var begun = begun
        begun.question.sequence = sequence
        begun.answer.sequence = sequence + 1
        return begun
    }

    /// The statement by what it puts in; put together once.
    private struct SQL: Sendable {
        let text: String

        static let message = SQL(use)
        static let messageAndKey = SQL(use, remembered)
        static let newConversation = SQL(insertion(from: 14))
        static let newConversationAndKey = SQL(insertion(from: 16), remembered)

        /// Both rows in one `INSERT`, which opens the indexes of the table once.
        private init(_ place: String, _ more: String = "") {
            text = """
                WITH place AS (\(place)), said AS (
                  INSERT INTO medstream.message (id, conversation, owner, sequence, role, state, stream, version,
                      reply_to, node, created_at, text_bytes, body, key)
                    SELECT $5::uuid, $1::uuid, $2::uuid, last - 1, 'user', 'final', NULL, 1,
                      NULL::uuid, NULL::uuid, $3::bigint, $6::bigint, $7::bytea, $8::bigint FROM place
                    UNION ALL SELECT $9, $1, $2, last, 'assistant', 'streaming', $10, 1, $5, $11, $3, 0, $12, $13 FROM place)
                  \(more)
                SELECT last::bigint FROM place
                """
        }

        private static let use = """
            UPDATE medstream.conversation SET updated_at = \(time), messages = messages + 2
              WHERE id = $1 AND owner = $2 AND \(isUnknown) RETURNING messages AS last
            """
        private static func insertion(from first: Int) -> String {
            """
            INSERT INTO medstream.conversation (id, owner, created_at, updated_at, messages, kind, is_named, body, key)
              SELECT $1, $2, $3, \(time), 2, $\(first), $\(first + 1), $\(first + 2), $\(first + 3)
               WHERE \(isUnknown) RETURNING messages AS last
            """
        }
        private static let remembered = """
            , remembered AS (INSERT INTO medstream.idempotency_key
                (owner, key_print, subject_print, conversation, user_message, assistant_message, stream, ends_at)
              SELECT $2, $4, $14, $1, $5, $9, $10, $15 FROM place)
            """
        private static let isUnknown = """
            NOT EXISTS (SELECT FROM medstream.idempotency_key k WHERE k.owner = $2 AND k.key_print = $4)
            """
        /// Now, or after the last use; `max` would read all conversations of the user.
        private static let time = """
            greatest($3, (SELECT updated_at + 1 FROM medstream.conversation WHERE owner = $2
              ORDER BY updated_at DESC LIMIT 1))
            """
    }
}

extension Transaction {
    /// Begins a turn in one statement.
    ///
    /// - Returns: `nil` when something stood in the way; nothing was written then.
    mutating func begin(_ new: NewRows) throws(StoreError) -> BegunTurn? {
        do throws(StoreError) {
            guard let row = try finishAlone(new.statement).first else { return nil }
            isOver = true
            return new.begun(at: try row.get(0, as: Int.self) - 1)
        } catch {
            guard error.takenKey != nil else { throw error }
            return nil
        }
    }
}
