public import Core
import JSON

/// What a turn wrote while its store could not be reached: the payload of a `save_turn` job.
///
/// Written again as it is, in this order: the turn is begun, the messages are saved, and with the last of them the jobs
/// are enqueued. Each step is an upsert by ids chosen before, so that doing it twice does it once.
public struct DeferredTurn: Sendable, Hashable {
    /// A turn whose beginning could not be stored.
    public var begun: NewTurn?
    /// In their order, at the versions that were acknowledged.
    public var messages: [Message]
    /// What is to follow once the messages are stored.
    public var jobs: [NewJob]

    public init(begun: NewTurn? = nil, messages: [Message] = [], jobs: [NewJob] = []) {
        self.begun = begun
        self.messages = messages
        self.jobs = jobs
    }

    /// The job that writes it, unique by the ids and versions of what is written.
    public var job: NewJob {
        var key = "save"
        if let begun { key += ":\(begun.names.userMessage)" }
        if let last = messages.last { key += ":\(last.id):\(last.version)" }
        return job(named: key)
    }

    /// The answer whose end a job writes, as ``job`` named it; `nil` for any other.
    public static func finishedAnswer(ofJobNamed uniqueKey: String) -> MessageID? {
        let parts = uniqueKey.split(separator: ":")
        guard parts.first == "save", parts.count > 2, parts.last == "\(Message.finalVersion)" else { return nil }
        return MessageID(String(parts[parts.count - 2]))
    }

    /// The job that writes it, unique by a name of the caller's.
    public func job(named uniqueKey: String) -> NewJob {
        NewJob(
            kind: .saveTurn, uniqueKey: uniqueKey, group: (messages.last?.owner ?? begun?.owner)?.text,
            payload: payload)
    }

    /// Where it belongs; `nil` for another answer to a message, which does not tell.
    public var conversation: ConversationID? {
        if let last = messages.last { return last.conversation }
        return switch begun?.subject {
        case .newConversation: begun?.names.conversation
        case .message(let conversation, _): conversation
        case .retry, nil: nil
        }
    }

    /// The versioned text that ``init(payload:)`` reads: JSON in UTF-8.
    public var payload: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.name("version")
        json.value(Self.version)
        if let begun {
            json.name("begun")
            json.value(begun.json)
        }
        json.name("messages")
        json.value(.array(messages.map(\.json)))
        json.name("jobs")
        json.value(.array(jobs.map(\.json)))
        json.endObject()
        return json.bytes
    }

    /// - Returns: `nil` for what ``payload`` of this version, or an earlier one, did not write.
    public init?(payload: [UInt8]) {
        guard let json = try? JSONValue(parsing: payload), json["version"]?.int == Self.version,
            let messages = json["messages"]?.array, let jobs = json["jobs"]?.array
        else { return nil }
        self.messages = messages.compactMap { Message(json: $0) }
        self.jobs = jobs.compactMap { NewJob(json: $0) }
        if let begun = json["begun"] {
            guard let turn = NewTurn(json: begun) else { return nil }
            self.begun = turn
        }
        guard self.messages.count == messages.count, self.jobs.count == jobs.count else { return nil }
    }

    /// Rises when what is written could not be read as before; the readers of older versions stay.
    private static let version = 1
}

/// Which conversation to describe: the payload of a `describe_conversation` job.
public struct ConversationToDescribe: Sendable, Hashable {
    public var conversation: ConversationID
    public var owner: UserID
    /// The answer after which it is described; each answer has a job of its own, so that none comes too early.
    public var after: MessageID

    public init(_ conversation: ConversationID, of owner: UserID, after answer: MessageID) {
        self.conversation = conversation
        self.owner = owner
        after = answer
    }

    /// The job that describes it; low in priority, since nobody waits for it.
    public var job: NewJob {
        let members: [String: JSONValue] = [
            "version": 1, "conversation": .string(conversation.text), "owner": .string(owner.text),
            "after": .string(after.text),
        ]
        return NewJob(
            kind: .describeConversation, uniqueKey: "describe:\(conversation):\(after)", group: owner.text,
            priority: .low, payload: Array(JSONValue.object(members).jsonText.utf8))
    }

    /// - Returns: `nil` for what ``job`` did not write.
    public init?(payload: [UInt8]) {
        guard let json = try? JSONValue(parsing: payload), json["version"]?.int == 1,
            let conversation = ConversationID(json["conversation"]), let owner = UserID(json["owner"]),
            let after = MessageID(json["after"])
        else { return nil }
        self.init(conversation, of: owner, after: after)
    }
}
