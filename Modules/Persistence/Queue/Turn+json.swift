import Core

extension NewTurn {
    var json: JSONValue {
        var members: [String: JSONValue] = [
            "owner": .string(owner.text), "key_retention_s": .int(keyRetention.components.seconds),
            "subject": subject.json, "conversation": .string(names.conversation.text),
            "user_message": .string(names.userMessage.text),
            "assistant_message": .string(names.assistantMessage.text), "stream": .string(names.stream.text),
        ]
        members["key"] = key.map(JSONValue.string)
        members["begun_at"] = begunAt.map { .int($0.milliseconds) }
        return .object(members)
    }

    init?(json: JSONValue) {
        guard let owner = UserID(json["owner"]), let retention = json["key_retention_s"]?.int,
            let subject = json["subject"].flatMap({ Subject(json: $0) }),
            let conversation = ConversationID(json["conversation"]),
            let userMessage = MessageID(json["user_message"]),
            let assistantMessage = MessageID(json["assistant_message"]), let stream = StreamID(json["stream"])
        else { return nil }
        self.init(
            owner: owner, subject: subject, key: json["key"]?.string, keyRetention: .seconds(retention),
            names: TurnReference(
                conversation: conversation, userMessage: userMessage, assistantMessage: assistantMessage,
                stream: stream), begunAt: Timestamp(json["begun_at"]))
    }
}

extension NewTurn.Subject {
    fileprivate var json: JSONValue {
        switch self {
        case .newConversation(let kind, let title, let text):
            ["kind": .string(kind.rawValue), "title": .string(title), "text": .string(text)]
        case .message(let conversation, let text): ["in": .string(conversation.text), "text": .string(text)]
        case .retry(let stream): ["retry_of": .string(stream.text)]
        }
    }

    fileprivate init?(json: JSONValue) {
        if let stream = StreamID(json["retry_of"]) {
            self = .retry(of: stream)
        } else if let text = json["text"]?.string, let conversation = ConversationID(json["in"]) {
            self = .message(in: conversation, text: text)
        } else if let text = json["text"]?.string, let title = json["title"]?.string,
            let kind = json["kind"]?.string.flatMap(Stage.init)
        {
            self = .newConversation(kind: kind, title: title, text: text)
        } else {
            return nil
        }
    }
}

extension NewJob {
    var json: JSONValue {
        let (seconds, attoseconds) = delay.components
        var members: [String: JSONValue] = [
            "id": .string(id.text), "kind": .string(kind.rawValue), "unique_key": .string(uniqueKey),
            "priority": .int(Int64(priority.rawValue)),
            "delay_ms": .int(seconds * 1000 + attoseconds / 1_000_000_000_000_000),
            "payload": .array(payload.map { .int(Int64($0)) }),
        ]
        members["group"] = group.map(JSONValue.string)
        return .object(members)
    }

    init?(json: JSONValue) {
        guard let id = JobID(json["id"]), let kind = JobKind(rawValue: json["kind"]?.string ?? ""),
            let uniqueKey = json["unique_key"]?.string,
            let priority = JobPriority(rawValue: json["priority"]?.int ?? -1), let delay = json["delay_ms"]?.int,
            let payload = json["payload"]?.array
        else { return nil }
        let bytes = payload.compactMap { $0.int.flatMap { UInt8(exactly: $0) } }
        guard bytes.count == payload.count else { return nil }
        self.init(
            id: id, kind: kind, uniqueKey: uniqueKey, group: json["group"]?.string, priority: priority,
            delay: .milliseconds(delay), payload: bytes)
    }
}
