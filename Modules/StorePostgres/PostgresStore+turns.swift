public import Core
import Encryption
public import Persistence
import PostgreSQL

/// The beginning of turns, and their keys.
extension PostgresStore {
    public func begin(_ turn: NewTurn) async throws(StoreError) -> BegunTurn {
        let (keyring, node, now) = (keyring, node, now())
        let prints = turn.key.map { KeyPrints($0, turn.subject, of: turn.owner, keyring) }
        let new = NewRows(turn, prints, keyring, node, at: now)
        return try await run(as: .user(turn.owner)) { transaction throws(StoreError) in
            // Most often nothing stands in the way: then it takes one way there and back.
            if let new, let begun = try transaction.begin(new) { return begun }
            return try transaction.begin(turn, prints, keyring, node, at: now)
        }
    }

    public func release(_ key: String, from turn: TurnReference, of owner: UserID) async throws(StoreError) {
        let print = KeyPrints.key(key, of: owner, keyring)
        try await run(as: .user(owner)) { transaction throws(StoreError) in
            _ = try transaction.finish(
                Statement(
                    """
                    DELETE FROM medstream.idempotency_key WHERE owner = $1 AND key_print = $2
                      AND conversation = $3 AND user_message = $4 AND assistant_message = $5 AND stream = $6
                    """,
                    [
                        .uuid(owner.text), .bytes(print), .uuid(turn.conversation.text), .uuid(turn.userMessage.text),
                        .uuid(turn.assistantMessage.text), .text(turn.stream.text),
                    ]))
        }
    }
}

// MARK: - Beginning

extension Transaction {
    fileprivate mutating func begin(
        _ turn: NewTurn, _ prints: KeyPrints?, _ keyring: Keyring, _ node: PostgresNode?, at now: Timestamp
    ) throws(StoreError) -> BegunTurn {
        let (owner, names) = (turn.owner, turn.names)
        // Everything that the decision needs, in one way there and back; a user's turns begin one after the other.
        let found = try run([
            .lock(owner), .key(prints?.key, of: owner), .message(names.assistantMessage, owner), .taken(names, owner),
            .lastUse(of: owner), turn.subjectStatement,
        ])
        if let prints, let row = found[1].first, now.milliseconds < Int64(try row.get(5, as: Int.self)) {
            guard try row.get(0, as: [UInt8].self) == prints.subject else { throw .conflict(.key) }
            return try begun(KeyRow(row).turn, owner, keyring)
        }
        if let row = found[2].first {
            let answer = try Message(row, keyring)
            if answer.stream == names.stream {
                guard let question = answer.replyTo else { throw .conflict(.identifier) }
                let reference = TurnReference(
                    conversation: answer.conversation, userMessage: question, assistantMessage: answer.id,
                    stream: names.stream)
                return try begun(reference, owner, keyring)
            }
        }
        var taken = Taken()
        for row in found[3] { taken.add(id: try row.get(0), stream: try row.get(1)) }

        let place = try Place(of: turn, found[5], keyring)
        try checkNames(of: turn, at: place, taken)
        return try begin(turn, at: place, prints, keyring, node, use: try found[4].use(at: now), now)
    }

    private mutating func begin(
        _ turn: NewTurn, at place: Place, _ prints: KeyPrints?, _ keyring: Keyring, _ node: PostgresNode?,
        use: Timestamp, _ now: Timestamp
    ) throws(StoreError) -> BegunTurn {
        let added = place.question == nil ? 2 : 1
        var sequence = 1
        var last: [Statement] = []
        if case .newConversation(let kind, let title, _) = turn.subject {
            var new = Conversation(
                id: place.conversation, owner: turn.owner, kind: kind, title: title, createdAt: now)
            new.updatedAt = use
            last.append(.insert(new, keyring, messages: added))
        } else {
            guard let row = try run(.use(place.conversation, at: use, adding: added)).first else { throw .notFound }
            sequence = try row.get(0)
        }
        let isAsked = place.question == nil
        let question =
            place.question
            ?? turn.question(place.text, in: place.conversation, as: sequence, at: now)
        let answer = turn.answer(to: question, retrying: place.retried, as: sequence + added - 1, at: now)
        if isAsked { last.append(MessageRow(question, keyring, node: nil).insert(sequence: question.sequence)) }
        last.append(MessageRow(answer, keyring, node: node).insert(sequence: answer.sequence))
        let reference = TurnReference(
            conversation: place.conversation, userMessage: question.id, assistantMessage: answer.id,
            stream: turn.names.stream)
        if let prints { last.append(.remember(prints, reference, of: turn.owner, until: now + turn.keyRetention)) }
        let statements = last
        _ = try writing { transaction throws(StoreError) in try transaction.finish(statements) }
        return BegunTurn(turn: reference, isNew: true, question: question, answer: answer)
    }

    /// Refuses names that the user's rows have; what another user's row has is found before those that come after it.
    private mutating func checkNames(of turn: NewTurn, at place: Place, _ taken: Taken) throws(StoreError) {
        let names = turn.names
        var conversation: ConversationID?
        if case .newConversation = turn.subject { conversation = names.conversation }
        if place.question == nil, taken.has(names.userMessage) {
            throw try isAnothers(conversation: conversation) ? .notFound : .conflict(.identifier)
        }
        let asked = place.question == nil ? names.userMessage : nil
        if names.assistantMessage == place.question?.id ?? names.userMessage || taken.has(names.assistantMessage) {
            throw try isAnothers(conversation: conversation, message: asked) ? .notFound : .conflict(.identifier)
        }
        guard taken.has(names.stream) else { return }
        if try isAnothers(conversation: conversation, message: asked) { throw .notFound }
        throw try isAnothers(message: names.assistantMessage) ? .notFound : .conflict(.identifier)
    }

    private mutating func begun(
        _ turn: TurnReference, _ owner: UserID, _ keyring: Keyring
    ) throws(StoreError) -> BegunTurn {
        let rows = try finish([.message(turn.userMessage, owner), .message(turn.assistantMessage, owner)])
        return BegunTurn(
            turn: turn, isNew: false, question: try rows[0].message(keyring), answer: try rows[1].message(keyring))
    }
}

/// Names that rows of the user have.
private struct Taken {
    private var ids: Set<String> = []
    private var streams: Set<String> = []

    mutating func add(id: String, stream: String?) {
        ids.insert(id)
        if let stream { streams.insert(stream) }
    }

    func has(_ id: MessageID) -> Bool { ids.contains(id.text) }
    func has(_ stream: StreamID) -> Bool { streams.contains(stream.text) }
}

/// Where a turn goes on from.
private struct Place {
    var conversation: ConversationID
    /// What is said now.
    var text = ""
    /// What was said before and is answered anew.
    var question: Message?
    var retried: MessageID?

    /// - Parameters:
    ///   - turn: what is to be begun.
    ///   - rows: what ``NewTurn/subjectStatement`` found.
    ///   - keyring: opens them.
    /// - Throws: ``StoreError/notFound``, ``StoreError/conflict(_:)``, and ``StoreError/unavailable(_:)`` for rows that do
    ///   not open.
    init(of turn: NewTurn, _ rows: Rows, _ keyring: Keyring) throws(StoreError) {
        switch turn.subject {
        case .newConversation(_, _, let text):
            conversation = turn.names.conversation
            self.text = text
            guard rows.isEmpty else { throw .conflict(.identifier) }
        case .message(let id, let text):
            conversation = id
            self.text = text
            guard !rows.isEmpty else { throw .notFound }
        case .retry:
            guard let row = rows.first else { throw .notFound }
            guard let retried = MessageID(try row.get(15)), !row.isNull(0) else { throw .notFound }
            guard try row.get(16, as: String.self) == Message.State.final.rawValue else {
                throw .conflict(.stillStreaming)
            }
            let question = try Message(row, keyring)
            conversation = question.conversation
            self.question = question
            self.retried = retried
        }
    }
}

extension NewTurn {
    /// Finds what the turn goes on from: the conversation, or the message whose answer is to be another.
    fileprivate var subjectStatement: Statement {
        switch subject {
        case .newConversation: .conversationExists(names.conversation, owner)
        case .message(let id, _): .conversationExists(id, owner)
        case .retry(let stream):
            Statement(
                unchecked: """
                    SELECT \(Message.columns(of: "q")), a.id, a.state
                      FROM medstream.message a LEFT JOIN medstream.message q ON q.id = a.reply_to AND q.owner = a.owner
                     WHERE a.stream = $1 AND a.owner = $2
                    """, [.text(stream.text), .uuid(owner.text)])
        }
    }
}

extension Message {
    fileprivate static func columns(of table: String) -> String {
        columns.split(separator: ", ").map { "\(table).\($0)" }.joined(separator: ", ")
    }
}

/// A remembered key.
private struct KeyRow {
    let turn: TurnReference

    init(_ row: Row) throws(StoreError) {
        guard let conversation = ConversationID(try row.get(1)), let question = MessageID(try row.get(2)),
            let answer = MessageID(try row.get(3)), let stream = StreamID(try row.get(4, as: String.self))
        else { throw .unavailable(UnreadableRow(table: "idempotency_key", row: "", reason: "Its names are not ours.")) }
        turn = TurnReference(
            conversation: conversation, userMessage: question, assistantMessage: answer, stream: stream)
    }
}

extension Statement {
    fileprivate static func key(_ print: [UInt8]?, of owner: UserID) -> Statement {
        Statement(
            """
            SELECT subject_print, conversation, user_message, assistant_message, stream, ends_at
              FROM medstream.idempotency_key WHERE owner = $1 AND key_print = $2
            """, [.uuid(owner.text), .bytes(print ?? [])])
    }

    /// Rows of the user that have a name which the turn is to give.
    fileprivate static func taken(_ names: TurnReference, _ owner: UserID) -> Statement {
        Statement(
            """
            SELECT id, stream FROM medstream.message WHERE owner = $1 AND (id = $2 OR id = $3)
            UNION ALL SELECT id, stream FROM medstream.message WHERE owner = $1 AND stream = $4
            """,
            [
                .uuid(owner.text), .uuid(names.userMessage.text), .uuid(names.assistantMessage.text),
                .text(names.stream.text),
            ])
    }

    fileprivate static func remember(
        _ prints: KeyPrints, _ turn: TurnReference, of owner: UserID, until end: Timestamp
    ) -> Statement {
        Statement(
            """
            INSERT INTO medstream.idempotency_key
              (owner, key_print, subject_print, conversation, user_message, assistant_message, stream, ends_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (owner, key_print) DO UPDATE SET subject_print = excluded.subject_print,
              conversation = excluded.conversation, user_message = excluded.user_message,
              assistant_message = excluded.assistant_message, stream = excluded.stream, ends_at = excluded.ends_at
            """,
            [
                .uuid(owner.text), .bytes(prints.key), .bytes(prints.subject), .uuid(turn.conversation.text),
                .uuid(turn.userMessage.text), .uuid(turn.assistantMessage.text), .text(turn.stream.text),
                .int(Int(end.milliseconds)),
            ])
    }
}
