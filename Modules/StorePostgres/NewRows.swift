import Core
import Encryption
import Persistence
import PostgreSQL

/// The rows of a turn that begins with something new, ready to be put in by one statement.
///
/// The statement does nothing when the key is known or the conversation is not there, and fails when a name is taken: all of
/// it is then looked into step by step.
struct NewRows: Sendable {
    private let turn: NewTurn
    private let isNewConversation: Bool
    private let conversation: Conversation
    private let question: MessageRow
    private let answer: MessageRow
    private let sealedConversation: Sealed

    /// - Returns: `nil` for another answer to what was said before.
    init?(_ turn: NewTurn, _ keyring: Keyring, _ node: PostgresNode?, at now: Timestamp) {
        let place: ConversationID
        let said: String
        switch turn.subject {
        case .newConversation(let kind, let title, let text):
            (place, said, isNewConversation) = (turn.names.conversation, text, true)
            conversation = Conversation(id: place, owner: turn.owner, kind: kind, title: title, createdAt: now)
        case .message(let id, let text):
            (place, said, isNewConversation) = (id, text, false)
            conversation = Conversation(id: place, owner: turn.owner, createdAt: now)
        case .retry: return nil
        }
        self.turn = turn
        let asked = turn.question(said, in: place, at: now)
        question = MessageRow(asked, keyring, node: nil)
        answer = MessageRow(turn.answer(to: asked, at: now), keyring, node: node)
        sealedConversation =
            isNewConversation
            ? keyring.seal([conversation.title, conversation.summary], in: .conversation, row: place.text)
            : Sealed(bytes: [])
    }

    /// The turn with the places that its rows were given.
    func begun(at sequence: Int) -> BegunTurn {
        let names = TurnReference(
            conversation: conversation.id, userMessage: question.message.id, assistantMessage: answer.message.id,
            stream: turn.names.stream)
        var begun = BegunTurn(turn: names, isNew: true, question: question.message, answer: answer.message)
        begun.question.sequence = sequence
        begun.answer.sequence = sequence + 1
        return begun
    }

    func statement(_ prints: KeyPrints?) -> Statement {
        var values: [Value] = [
            .uuid(conversation.id.text), .uuid(turn.owner.text), .int(Int(conversation.createdAt.milliseconds)),
            .bytes(prints?.key ?? []),
        ]
        if isNewConversation {
            values += [
                .text(conversation.kind.rawValue), .bool(conversation.isNamed), .bytes(sealedConversation.bytes),
                sealedConversation.key,
            ]
        }
        let (first, count) = (values.count + 1, question.values.count)
        values += question.values + answer.values
        var key = ""
        if let prints {
            let next = first + 2 * count
            values += [
                .bytes(prints.subject), .uuid(turn.names.userMessage.text), .uuid(turn.names.assistantMessage.text),
                .text(turn.names.stream.text),
                .int(Int((conversation.createdAt + turn.keyRetention).milliseconds)),
            ]
            key = """
                , remembered AS (INSERT INTO medstream.idempotency_key
                  (owner, key_print, subject_print, conversation, user_message, assistant_message, stream, ends_at)
                  SELECT $2, $4, $\(next), $1, $\(next + 1), $\(next + 2), $\(next + 3), $\(next + 4) FROM place)
                """
        }
        let rows = { (place: String, from: Int) in
            "\(MessageRow.insertion) SELECT \(MessageRow.parameters(from: from, sequence: place)) FROM place"
        }
        return Statement(
            unchecked: """
                WITH place AS (\(isNewConversation ? Self.insertion : Self.use)),
                  asked AS (\(rows("place.last - 1", first))), opened AS (\(rows("place.last", first + count)))\(key)
                SELECT last::bigint FROM place
                """, values)
    }

    private static let isUnknown = """
        NOT EXISTS (SELECT FROM medstream.idempotency_key k WHERE k.owner = $2 AND k.key_print = $4)
        """
    private static let time = """
        greatest($3, (SELECT max(updated_at) + 1 FROM medstream.conversation WHERE owner = $2))
        """
    private static let insertion = """
        INSERT INTO medstream.conversation (id, owner, kind, is_named, created_at, updated_at, messages, body, key)
          SELECT $1, $2, $5, $6, $3, \(time), 2, $7, $8 WHERE \(isUnknown) RETURNING messages AS last
        """
    private static let use = """
        UPDATE medstream.conversation SET updated_at = \(time), messages = messages + 2
          WHERE id = $1 AND owner = $2 AND \(isUnknown) RETURNING messages AS last
        """
}

extension Transaction {
    /// Begins a turn in one statement.
    ///
    /// - Returns: `nil` when something stood in the way; nothing was written then.
    mutating func begin(_ new: NewRows, _ prints: KeyPrints?, _ keyring: Keyring) throws(StoreError) -> BegunTurn? {
        do throws(StoreError) {
            guard let row = try finishAlone(new.statement(prints)).first else { return nil }
            isOver = true
            return new.begun(at: try row.get(0, as: Int.self) - 1)
        } catch {
            guard error.takenKey != nil else { throw error }
            return nil
        }
    }
}
