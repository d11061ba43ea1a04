/// What one provider gave of an answer, which has several spans when another had to go on.
public struct AnswerSpan: Sendable, Hashable {
    /// As it is named in the configuration.
    public var provider: String
    /// As it names itself, or as it was asked for.
    public var model: String
    /// Bytes of UTF-8 in the chat panel before this span.
    public var offset: Int
    public var usage: Usage?
    public var cost: Cost?

    public init(provider: String, model: String, offset: Int = 0, usage: Usage? = nil, cost: Cost? = nil) {
        self.provider = provider
        self.model = model
        self.offset = offset
        self.usage = usage
        self.cost = cost
    }

    /// As `metadata.spans` of `stream_done` and a message's `spans` hold it.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "provider": .string(provider), "model": .string(model), "offset": .int(Int64(offset)),
        ]
        members["usage"] = usage?.json
        members["cost"] = cost?.json
        return .object(members)
    }
}
