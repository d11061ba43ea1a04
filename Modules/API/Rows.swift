import Core
import Persistence

extension Message {
    /// The message as clients see it.
    var json: JSONValue {
        [
            "id": .string(id.text), "role": .string(role.rawValue), "content": .string(text),
            "reasoning": .string(reasoning), "state": .string(state.rawValue),
            "outcome": .text(outcome?.rawValue), "stream": .text(stream?.text), "provider": .text(provider),
            "model": .text(model), "usage": usage?.json ?? .null, "cost": cost?.json ?? .null,
            "spans": .array(spans.map(\.json)),
            "created_at": createdAt.json, "reply_to": .text(replyTo?.text), "retry_of": .text(retryOf?.text),
        ]
    }
}

extension Conversation {
    /// The conversation as clients see it.
    var json: JSONValue {
        [
            "id": .string(id.text), "title": .string(title), "stage": .string(kind.rawValue),
            "created_at": createdAt.json, "updated_at": updatedAt.json,
        ]
    }
}

extension Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    var json: JSONValue { .string(description) }
}

extension JSONValue {
    static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
}
