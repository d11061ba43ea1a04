public import Core
import Encryption
public import Persistence
import SQLite

/// The beginning of turns, and their keys.
extension SQLiteStore {
    public func begin(_ turn: NewTurn) async throws(StoreError) -> BegunTurn {
        let beginning = Beginning(turn, keyring, node: node, at: now())
        // A turn that is there already is found even when there is no room for a new one.
        let isShort = isShortOfRoom
        let begun = try await write(bytes: beginning.bytes) { transaction in
            let namesakes = try beginning.namesakes(in: transaction)
            if let begun = try beginning.earlier(namesakes, in: transaction) { return begun }
            guard !isShort else { throw StoreError.full }
            let begun = try beginning.begin(namesakes, in: transaction)
            FaultPoint.reach("store_begin_before_commit")
            return begun
        }
        FaultPoint.reach("store_begin_after_commit")
        return begun
    }

    public func release(_ key: String, from turn: TurnReference, of owner: UserID) async throws(StoreError) {
        let print = KeyPrints.key(key, of: owner, keyring)
        try await write { transaction in
            try transaction.run(
                """
                DELETE FROM idempotency_key WHERE owner = ? AND key_print = ?
                    AND conversation = ? AND user_message = ? AND assistant_message = ? AND stream = ?
                """, owner.text, print, turn.conversation.text, turn.userMessage.text, turn.assistantMessage.text,
                turn.stream.text)
            return
        }
    }
}

/// A message that has a name which a new turn wants for one of its own.
private struct Namesake {
    let id: String
    let stream: String?
    let owner: String
    let conversation: String
    let replyTo: String?
}

/// A turn that is to be begun, with all that can be computed before the transaction.
private struct Beginning: Sendable {
    let turn: NewTurn
    let keyring: Keyring
    let node: NodeID?
    let now: Timestamp
    let prints: KeyPrints?
    // Sealed by the caller, so that the writer's thread, which holds everybody up, need not.
    private let sealedConversation: Sealed?
    private let sealedQuestion: Sealed?
    private let sealedAnswer: Sealed
    /// The time of the new rows.
    private var time: Timestamp { turn.begunAt ?? now }

    init(_ turn: NewTurn, _ keyring: Keyring, node: NodeID?, at now: Timestamp) {
        self.turn = turn
        self.keyring = keyring
        self.node = node
        self.now = now
        prints = turn.key.map { KeyPrints($0, turn.subject, of: turn.owner, keyring) }
        let names = turn.names
        switch turn.subject {
        case .newConversation(let kind, let title, let text):
            let new = Conversation(
                id: names.conversation, owner: turn.owner, kind: kind, title: title, createdAt: now)
            sealedConversation = new.sealed(keyring)
            sealedQuestion = MessageRow.seal(text, "", of: names.userMessage, keyring)
        case .message(_, let text):
            sealedConversation = nil
            sealedQuestion = MessageRow.seal(text, "", of: names.userMessage, keyring)
        case .retry: (sealedConversation, sealedQuestion) = (nil, nil)
        }
        sealedAnswer = MessageRow.seal("", "", of: names.assistantMessage, keyring)
    }

    /// About how much it writes.
    var bytes: Int {
        switch turn.subject {
        case .newConversation(_, _, let text), .message(_, let text): text.utf8.count + 1000
        case .retry: 1000
        }
    }

    // MARK: The same turn, begun before

    /// The messages that have a name of the turn: none but where it was begun before, or another one has them.
    func namesakes(in transaction: borrowing Transaction) throws -> [Namesake] {
        let names = turn.names
        return try transaction.rows(
            """
            SELECT id, stream, owner, conversation, reply_to FROM message WHERE id IN (?1, ?2)
            UNION ALL SELECT id, stream, owner, conversation, reply_to FROM message WHERE stream = ?3
            """, names.userMessage.text, names.assistantMessage.text, names.stream.text
        ) { row in
            Namesake(
                id: try row.text(0), stream: try row.optionalText(1), owner: try row.text(2),
                conversation: try row.text(3), replyTo: try row.optionalText(4))
        }
    }

    /// The turn that the key names, or that has these names.
    func earlier(_ namesakes: [Namesake], in transaction: borrowing Transaction) throws -> BegunTurn? {
        if let prints, let (subject, reference) = try row(of: prints, in: transaction) {
            guard subject == prints.subject else { throw StoreError.conflict(.key) }
            return try begun(reference, in: transaction)
        }
        let names = turn.names
        let answer = namesakes.first {
            $0.id == names.assistantMessage.text && $0.stream == names.stream.text && $0.owner == turn.owner.text
        }
        guard let answer else { return nil }
        guard let id = answer.replyTo.flatMap({ MessageID($0) }),
            let conversation = ConversationID(answer.conversation)
        else {
            throw StoreError.conflict(.identifier)
        }
        let reference = TurnReference(
            conversation: conversation, userMessage: id, assistantMessage: names.assistantMessage,
            stream: names.stream)
        return try begun(reference, in: transaction)
    }

    private func row(
        of prints: KeyPrints, in transaction: borrowing Transaction
    ) throws -> (subject: [UInt8], TurnReference)? {
        try transaction.row(
            """
            SELECT subject_print, conversation, user_message, assistant_message, stream FROM idempotency_key
            WHERE owner = ? AND key_print = ? AND ends_at > ?
            """, turn.owner.text, prints.key, now.milliseconds
        ) { row in
            guard let conversation = ConversationID(try row.text(1)), let question = MessageID(try row.text(2)),
                let answer = MessageID(try row.text(3)), let stream = StreamID(try row.text(4))
            else { throw UnreadableRow(table: "idempotency_key", row: "", reason: "Its names are not ours.") }
            let reference = TurnReference(
                conversation: conversation, userMessage: question, assistantMessage: answer, stream: stream)
            return (try row.blob(0), reference)
        }
    }

    private func begun(_ reference: TurnReference, in transaction: borrowing Transaction) throws -> BegunTurn {
        BegunTurn(
            turn: reference, isNew: false,
            question: try transaction.message(reference.userMessage, turn.owner, keyring),
            answer: try transaction.message(reference.assistantMessage, turn.owner, keyring))
    }

    // MARK: A new one

    func begin(_ namesakes: [Namesake], in transaction: borrowing Transaction) throws -> BegunTurn {
        var (question, retried) = try question(in: transaction)
        if retried == nil { try requireNone(namesakes) { $0.id == turn.names.userMessage.text } }
        guard turn.names.assistantMessage != question.id else { throw StoreError.conflict(.identifier) }
        try requireNone(namesakes) { $0.id == turn.names.assistantMessage.text }
        try requireNone(namesakes) { $0.stream == turn.names.stream.text }

        var last = 2
        if case .newConversation(let kind, let title, _) = turn.subject, let sealedConversation {
            let new = Conversation(
                id: question.conversation, owner: turn.owner, kind: kind, title: title, createdAt: time)
            try transaction.insert(new, sealedConversation, at: time, messages: 2)
        } else {
            last = try transaction.use(
                question.conversation, of: turn.owner, at: now, adding: retried == nil ? 2 : 1
            ).messages
        }
        if let sealedQuestion {
            question.sequence = last - 1
            try MessageRow(question, sealedQuestion, node: nil).insert(as: last - 1, in: transaction)
        }
        let answer = turn.answer(to: question, retrying: retried, as: last, at: time)
        try MessageRow(answer, sealedAnswer, node: node).insert(as: last, keyPrint: prints?.key, in: transaction)
        let reference = TurnReference(
            conversation: question.conversation, userMessage: question.id, assistantMessage: answer.id,
            stream: turn.names.stream)
        if let prints { try remember(prints, reference, in: transaction) }
        return BegunTurn(turn: reference, isNew: true, question: question, answer: answer)
    }

    /// Throws for the first of them.
    private func requireNone(_ namesakes: [Namesake], that holds: (Namesake) -> Bool) throws(StoreError) {
        if let one = namesakes.first(where: holds) { throw .taken(by: one.owner, wantedBy: turn.owner) }
    }

    /// The message to answer: a new one, or the stored one that the retried answer answered.
    private func question(in transaction: borrowing Transaction) throws -> (Message, retried: MessageID?) {
        let conversation: ConversationID
        let text: String
        switch turn.subject {
        case .newConversation(_, _, let first):
            conversation = turn.names.conversation
            text = first
            if let owner = try transaction.owner(of: conversation) {
                throw StoreError.taken(by: owner, wantedBy: turn.owner)
            }
        case .message(let id, let next):
            conversation = id
            text = next
        case .retry(let stream):
            let old = try transaction.answer(of: stream, turn.owner, keyring)
            guard let question = old.replyTo else { throw StoreError.notFound }
            guard old.state == .final else { throw StoreError.conflict(.stillStreaming) }
            return (try transaction.message(question, turn.owner, keyring), old.id)
        }
        return (turn.question(text, in: conversation, at: time), nil)
    }

    private func remember(
        _ prints: KeyPrints, _ reference: TurnReference, in transaction: borrowing Transaction
    ) throws(SQLiteError) {
        try transaction.run(
            """
            INSERT INTO idempotency_key(owner, key_print, subject_print, conversation, user_message, assistant_message,
                stream, ends_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT(owner, key_print) DO UPDATE SET subject_print = excluded.subject_print,
                conversation = excluded.conversation, user_message = excluded.user_message,
                assistant_message = excluded.assistant_message, stream = excluded.stream, ends_at = excluded.ends_at
            """, turn.owner.text, prints.key, prints.subject, reference.conversation.text, reference.userMessage.text,
            reference.assistantMessage.text, reference.stream.text, (now + turn.keyRetention).milliseconds)
    }
}
