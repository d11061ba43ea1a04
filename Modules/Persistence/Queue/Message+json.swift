package import Core

/// How rows are written into payloads of jobs; what is absent is `nil`.
extension Message {
    var json: JSONValue {
        var members: [String: JSONValue] = [
            "id": .string(id.text), "conversation": .string(conversation.text), "owner": .string(owner.text),
            "sequence": .int(Int64(sequence)), "role": .string(role.rawValue), "text": .string(text),
            "reasoning": .string(reasoning), "state": .string(state.rawValue), "version": .int(Int64(version)),
            "created_at": .int(createdAt.milliseconds),
        ]
        members["outcome"] = outcome.map { .string($0.rawValue) }
        members["stream"] = stream.map { .string($0.text) }
        members["last_offset"] = lastOffset.map { .int(Int64($0)) }
        members["provider"] = provider.map(JSONValue.string)
        members["model"] = model.map(JSONValue.string)
        members["usage"] = usage?.json
        members["cost"] = cost?.json
        if !spans.isEmpty { members["spans"] = .array(spans.map(\.json)) }
        members["reply_to"] = replyTo.map { .string($0.text) }
        members["retry_of"] = retryOf.map { .string($0.text) }
        return .object(members)
    }

    init?(json: JSONValue) {
        guard let id = MessageID(json["id"]), let conversation = ConversationID(json["conversation"]),
            let owner = UserID(json["owner"]), let sequence = json["sequence"]?.int,
            let role = json["role"]?.string.flatMap(Prompt.Role.init), let text = json["text"]?.string,
            let reasoning = json["reasoning"]?.string, let state = json["state"]?.string.flatMap(State.init),
            let version = json["version"]?.int, let createdAt = Timestamp(json["created_at"]),
            let spans = AnswerSpan.all(in: json["spans"])
        else { return nil }
        self.init(
            id: id, conversation: conversation, owner: owner, sequence: sequence, role: role, text: text,
            reasoning: reasoning, state: state, outcome: json["outcome"]?.string.flatMap(Outcome.init),
            stream: StreamID(json["stream"]), lastOffset: json["last_offset"]?.int,
            provider: json["provider"]?.string, model: json["model"]?.string,
            usage: json["usage"].flatMap { Usage(json: $0) }, cost: json["cost"].flatMap { Cost(json: $0) },
            spans: spans, version: version, replyTo: MessageID(json["reply_to"]), retryOf: MessageID(json["retry_of"]),
            createdAt: createdAt)
    }
}

extension AnswerSpan {
    /// - Returns: `nil` when there is one that cannot be read.
    package static func all(in json: JSONValue?) -> [AnswerSpan]? {
        guard let elements = json?.array else { return [] }
        let spans = elements.compactMap { span -> AnswerSpan? in
            guard let provider = span["provider"]?.string, let model = span["model"]?.string,
                let offset = span["offset"]?.int
            else { return nil }
            return AnswerSpan(
                provider: provider, model: model, offset: offset, usage: span["usage"].flatMap { Usage(json: $0) },
                cost: span["cost"].flatMap { Cost(json: $0) })
        }
        return spans.count == elements.count ? spans : nil
    }
}

extension Identifier {
    /// - Returns: `nil` when it is absent or not of the identifier's form.
    init?(_ json: JSONValue?) {
        guard let text = json?.string else { return nil }
        self.init(text)
    }
}

extension Timestamp {
    init?(_ json: JSONValue?) {
        guard case .int(let milliseconds)? = json else { return nil }
        self.init(milliseconds: milliseconds)
    }
}
