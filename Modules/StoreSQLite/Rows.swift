import Core
import Encryption
import Persistence
import SQLite

/// A column that holds what this version does not write.
func unknown(_ table: SealedTable, _ row: String) -> UnreadableRow {
    UnreadableRow(table: table.rawValue, row: row, reason: "It is not one of this version's.")
}

extension Conversation {
    /// What ``init(_:_:)`` reads.
    static let columns = "id, owner, kind, is_named, created_at, updated_at, body"

    init(_ row: borrowing Row, _ keyring: Keyring) throws {
        let name = try row.text(0)
        guard let id = ConversationID(name), let owner = UserID(try row.text(1)),
            let kind = Stage(rawValue: try row.text(2))
        else { throw unknown(.conversation, name) }
        let texts = try keyring.open(try row.blob(6), in: .conversation, row: name)
        self.init(
            id: id, owner: owner, kind: kind, title: texts[0], isNamed: try row.bool(3), summary: texts[1],
            createdAt: Timestamp(milliseconds: try row.int64(4)))
        updatedAt = Timestamp(milliseconds: try row.int64(5))
    }

    func sealed(_ keyring: Keyring) -> Sealed { keyring.seal([title, summary], in: .conversation, row: id.text) }
}

extension Message {
    /// What ``init(_:_:)`` reads.
    static let columns = """
        id, conversation, owner, sequence, role, state, outcome, stream, last_offset, version, reply_to, retry_of, \
        created_at, figures, body
        """

    init(_ row: borrowing Row, _ keyring: Keyring) throws {
        let name = try row.text(0)
        let outcome = try row.optionalText(6)
        guard let id = MessageID(name), let conversation = ConversationID(try row.text(1)),
            let owner = UserID(try row.text(2)), let role = Prompt.Role(rawValue: try row.text(4)),
            let state = State(rawValue: try row.text(5)), outcome == nil || outcome.flatMap(Outcome.init) != nil
        else { throw unknown(.message, name) }
        let texts = try keyring.open(try row.blob(14), in: .message, row: name)
        let figures = try Figures(try row.optionalText(13), of: .message, row: name)
        self.init(
            id: id, conversation: conversation, owner: owner, sequence: try row.int(3), role: role, text: texts[0],
            reasoning: texts[1], state: state, outcome: outcome.flatMap(Outcome.init),
            stream: try row.optionalText(7).flatMap { StreamID($0) }, lastOffset: try row.optionalInt(8),
            provider: figures.provider, model: figures.model, usage: figures.usage, cost: figures.cost,
            spans: figures.spans, version: try row.int(9), replyTo: try row.optionalText(10).flatMap { MessageID($0) },
            retryOf: try row.optionalText(11).flatMap { MessageID($0) },
            createdAt: Timestamp(milliseconds: try row.int64(12)))
    }
}

extension Case {
    /// What ``init(_:_:)`` reads.
    static let columns = "id, owner, status, version, created_at, updated_at, body"

    init(_ row: borrowing Row, _ keyring: Keyring) throws {
        let name = try row.text(0)
        guard let id = CaseID(name), let owner = UserID(try row.text(1)) else { throw unknown(.caseFile, name) }
        let texts = try keyring.open(try row.blob(6), in: .caseFile, row: name)
        self.init(
            id: id, owner: owner, title: texts[0], notes: texts[1], status: Status(rawValue: try row.text(2)),
            version: try row.int(3), createdAt: Timestamp(milliseconds: try row.int64(4)))
        updatedAt = Timestamp(milliseconds: try row.int64(5))
    }

    func sealed(_ keyring: Keyring) -> Sealed { keyring.seal([title, notes], in: .caseFile, row: id.text) }
}

extension StageResult {
    /// What ``init(_:_:)`` reads.
    static let columns = """
        id, case_id, owner, stage, stream, outcome, length, version, created_at, figures, body
        """

    /// The name of the row: case, stage and run together.
    var name: String { "\(`case`)/\(stage.rawValue)/\(stream)" }

    init(_ row: borrowing Row, _ keyring: Keyring) throws {
        let name = try row.text(0)
        let outcome = try row.optionalText(5)
        guard let id = CaseID(try row.text(1)), let owner = UserID(try row.text(2)),
            let stage = Stage(rawValue: try row.text(3)), let stream = StreamID(try row.text(4)),
            outcome == nil || outcome.flatMap(Outcome.init) != nil
        else { throw unknown(.stageResult, name) }
        let texts = try keyring.open(try row.blob(10), in: .stageResult, row: name)
        let figures = try Figures(try row.optionalText(9), of: .stageResult, row: name)
        self.init(
            case: id, stage: stage, stream: stream, owner: owner, text: texts[0], reasoning: texts[1],
            outcome: outcome.flatMap(Outcome.init), length: try row.optionalInt(6),
            sha256: texts[2].isEmpty ? nil : texts[2], provider: figures.provider, model: figures.model,
            usage: figures.usage, cost: figures.cost, version: try row.int(7),
            createdAt: Timestamp(milliseconds: try row.int64(8)))
    }

    func sealed(_ keyring: Keyring) -> Sealed {
        keyring.seal([text, reasoning, sha256 ?? ""], in: .stageResult, row: name)
    }
}

extension User {
    /// What ``init(_:_:)`` reads.
    static let columns = "id, created_at, body"

    init(_ row: borrowing Row, _ keyring: Keyring) throws {
        let name = try row.text(0)
        guard let id = UserID(name) else { throw unknown(.account, name) }
        let texts = try keyring.open(try row.blob(2), in: .account, row: name)
        self.init(id: id, name: texts[0], email: texts[1], createdAt: Timestamp(milliseconds: try row.int64(1)))
    }

    func sealed(_ keyring: Keyring) -> Sealed { keyring.seal([name, email], in: .account, row: id.text) }

    /// By which an address is found, however it was written.
    static func print(of email: String, _ keyring: Keyring) -> [UInt8] {
        keyring.fingerprint(normalised(email: email), purpose: "e-mail")
    }
}
