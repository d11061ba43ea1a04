import Core

/// Writes the server-sent events of one streamed answer: objects of OpenAI's `chat.completion.chunk`.
struct CompletionChunks {
    /// What stands before the delta, the same in all: the `data: ` too.
    private let opening: [UInt8]
    private let ending: String
    private let wantsUsage: Bool

    init(_ head: CompletionHead, wantsUsage: Bool) {
        var writer = JSONWriter()
        writer.raw("data: {")
        head.write(as: "chat.completion.chunk", into: &writer)
        opening = writer.bytes
        // With usage asked for, each chunk has the member, and the last one its value.
        ending = wantsUsage ? ",\"usage\":null}\n\n" : "}\n\n"
        self.wantsUsage = wantsUsage
    }

    /// Bytes that a chunk of text takes beside the text, about.
    var overhead: Int { opening.count + 96 }

    func appendRole(to bytes: inout [UInt8]) {
        append(#"{"role":"assistant","content":"","refusal":null}"#, finish: nil, to: &bytes)
    }

    /// `text`: what stands between the quotes of a JSON string.
    func append(_ text: Span<UInt8>, _ panel: Panel, to bytes: inout [UInt8]) {
        bytes += opening
        bytes += Self.delta(panel).utf8
        for index in text.indices { bytes.append(text[index]) }
        bytes += #""},"finish_reason":null}]"#.utf8
        bytes += ending.utf8
    }

    private static func delta(_ panel: Panel) -> String {
        switch panel {
        case .chat: #","choices":[{"index":0,"delta":{"content":""#
        case .reasoning: #","choices":[{"index":0,"delta":{"reasoning_content":""#
        }
    }

    /// The chunks after the text, and the end of the stream.
    func append(_ end: CompletionEnding, finish reason: String, to bytes: inout [UInt8]) {
        append("{}", finish: reason, facts: end.facts, to: &bytes)
        if wantsUsage {
            bytes += opening
            bytes += ",\"choices\":[],\"usage\":\(end.usage.jsonText)}\n\n".utf8
        }
        bytes += "data: [DONE]\n\n".utf8
    }

    /// An error in place of the rest; no `[DONE]` follows, so that a client that overlooks it does not take the text for
    /// whole.
    func append(_ error: PlatformError, to bytes: inout [UInt8]) {
        bytes += "data: \(OpenAIError(error).json.jsonText)\n\n".utf8
    }

    private func append(
        _ delta: String, finish reason: String?, facts: JSONValue? = nil, to bytes: inout [UInt8]
    ) {
        bytes += opening
        let reason = reason.map { "\"\($0)\"" } ?? "null"
        bytes += ",\"choices\":[{\"index\":0,\"delta\":\(delta),\"finish_reason\":\(reason)}]".utf8
        if let facts { bytes += ",\"medstream\":\(facts.jsonText)".utf8 }
        bytes += ending.utf8
    }
}

/// What every object of one answer begins with.
struct CompletionHead {
    var id: String
    /// As the caller named it.
    var model: String
    var created = Timestamp.now

    /// Writes `id`, `object`, `created` and `model`, without the braces.
    func write(as object: String, into writer: inout JSONWriter) {
        writer.name("id")
        writer.value(id)
        writer.name("object")
        writer.value(object)
        writer.name("created")
        writer.value(created.milliseconds / 1_000)
        writer.name("model")
        writer.value(model)
    }
}
