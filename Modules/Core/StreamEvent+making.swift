extension StreamEvent {
    /// The first event of a run.
    public static func start(
        stream: StreamID, conversation: ConversationID, message: MessageID, stage: Stage? = nil,
        metadata: [String: JSONValue] = [:]
    ) -> StreamEvent {
        let ids: [String: JSONValue] = [
            "stream": .string(stream.text), "conversation_id": .string(conversation.text),
            "message_id": .string(message.text),
        ]
        return StreamEvent(.streamStart, stage: stage, metadata: ids.merging(metadata) { id, _ in id })
    }

    /// The first event of a run that is part of no conversation.
    public static func start(
        stream: StreamID, stage: Stage? = nil, metadata: [String: JSONValue] = [:]
    ) -> StreamEvent {
        let ids: [String: JSONValue] = ["stream": .string(stream.text)]
        return StreamEvent(.streamStart, stage: stage, metadata: ids.merging(metadata) { id, _ in id })
    }

    /// A piece of a panel's text; `index` is its place among the chunks of this panel and stage, from 0.
    public static func chunk(_ text: String, panel: Panel, stage: Stage, index: Int? = nil) -> StreamEvent {
        let metadata: [String: JSONValue] = index.map { ["chunk_index": .int(Int64($0))] } ?? [:]
        return StreamEvent(.contentChunk, panel: panel, stage: stage, content: text, metadata: metadata)
    }

    /// The end of a panel's text in a stage.
    ///
    /// `chunks` is how many chunks the text had, `length` its UTF-8 bytes, `sha256` their hash as 64 hexadecimal digits
    /// in lower case.
    public static func stageComplete(
        panel: Panel, stage: Stage, chunks: Int? = nil, length: Int? = nil, sha256: String? = nil
    ) -> StreamEvent {
        var metadata: [String: JSONValue] = [:]
        metadata["total_expected"] = chunks.map { .int(Int64($0)) }
        metadata["length"] = length.map { .int(Int64($0)) }
        metadata["sha256"] = sha256.map(JSONValue.string)
        return StreamEvent(.stageComplete, panel: panel, stage: stage, metadata: metadata)
    }

    /// How far the run has come, from 0 to 100 percent; values beyond are brought to the nearer end.
    public static func progress(_ percent: Int, _ sentence: String = "", stage: Stage? = nil) -> StreamEvent {
        let metadata: [String: JSONValue] = ["percent": .int(Int64(min(max(percent, 0), 100)))]
        return StreamEvent(.progress, stage: stage, content: sentence, metadata: metadata)
    }

    /// A notice from a safety rule.
    ///
    /// `rule` is the rule's id in the rule file; `span` says which characters of the panel's text it is about, never
    /// quoting them, so that the event can be logged.
    public static func safety(
        _ sentence: String, rule: String, severity: String, span: Range<Int>? = nil, panel: Panel? = nil,
        stage: Stage? = nil
    ) -> StreamEvent {
        var metadata: [String: JSONValue] = ["rule": .string(rule), "severity": .string(severity)]
        metadata["span"] = span.map { ["start": .int(Int64($0.lowerBound)), "end": .int(Int64($0.upperBound))] }
        return StreamEvent(.safety, panel: panel, stage: stage, content: sentence, metadata: metadata)
    }

    /// A change of provider in mid-answer: what follows was written by `provider`.
    ///
    /// `offset` counts the bytes of UTF-8 that the panel's text has before it.
    public static func splice(
        _ sentence: String, provider: String, model: String? = nil, offset: Int? = nil, panel: Panel? = nil,
        stage: Stage? = nil
    ) -> StreamEvent {
        var metadata: [String: JSONValue] = ["provider": .string(provider)]
        metadata["offset"] = offset.map { .int(Int64($0)) }
        metadata["model"] = model.map(JSONValue.string)
        return StreamEvent(.splice, panel: panel, stage: stage, content: sentence, metadata: metadata)
    }

    /// The withdrawal of text that was shown: the characters in `span`, or all of the panel's text when `nil`.
    public static func retract(_ sentence: String, span: Range<Int>? = nil, panel: Panel, stage: Stage) -> StreamEvent {
        var metadata: [String: JSONValue] = [:]
        metadata["span"] = span.map { ["start": .int(Int64($0.lowerBound)), "end": .int(Int64($0.upperBound))] }
        return StreamEvent(.retract, panel: panel, stage: stage, content: sentence, metadata: metadata)
    }

    /// The turn is recorded.
    ///
    /// `length` counts the UTF-8 bytes of the recorded text, `sha256` is their hash as 64 hexadecimal digits in lower
    /// case; `isPending` says that it went to the durable queue because the store refused it for now.
    public static func saved(
        message: MessageID, length: Int? = nil, sha256: String? = nil, isPending: Bool = false
    ) -> StreamEvent {
        var metadata: [String: JSONValue] = ["message_id": .string(message.text)]
        metadata["length"] = length.map { .int(Int64($0)) }
        metadata["sha256"] = sha256.map(JSONValue.string)
        if isPending { metadata["pending"] = true }
        return StreamEvent(.saved, metadata: metadata)
    }

    /// A panel's text from its beginning, for ``resync(_:)``.
    public struct PanelText: Sendable, Hashable {
        public var panel: Panel
        public var stage: Stage
        public var text: String

        public init(panel: Panel, stage: Stage, text: String) {
            self.panel = panel
            self.stage = stage
            self.text = text
        }
    }

    /// Everything said so far, in place of events that the log no longer has.
    ///
    /// One event for all panels, in the order given, under `metadata.texts`: a reader that has it has everything up to
    /// the event's id, and one cut off before it has lost nothing.
    public static func resync(_ texts: [PanelText]) -> StreamEvent {
        let values: [JSONValue] = texts.map {
            ["panel": .string($0.panel.rawValue), "stage": .string($0.stage.rawValue), "content": .string($0.text)]
        }
        return StreamEvent(.resync, metadata: ["texts": .array(values)])
    }

    /// The texts of a `resync`; empty on other types.
    ///
    /// Entries of a panel or stage unknown here are left out.
    public var texts: [PanelText] {
        (metadata["texts"]?.array ?? []).compactMap { entry in
            guard let panel = entry["panel"]?.string.flatMap(Panel.init(rawValue:)),
                let stage = entry["stage"]?.string.flatMap(Stage.init(rawValue:)),
                let text = entry["content"]?.string
            else { return nil }
            return PanelText(panel: panel, stage: stage, text: text)
        }
    }

    /// A request to come back later.
    public static func busy(_ sentence: String) -> StreamEvent {
        StreamEvent(.busy, content: sentence, metadata: ["retry_available": true])
    }

    /// What went wrong, without the cause: that is for the log.
    public static func error(
        _ error: PlatformError, panel: Panel? = nil, stage: Stage? = nil, metadata: [String: JSONValue] = [:]
    ) -> StreamEvent {
        let reading: [String: JSONValue] = [
            "error_code": .string(error.code.rawValue), "retry_available": .bool(error.code.isRetryable),
        ]
        return StreamEvent(
            .error, panel: panel, stage: stage, content: error.message,
            metadata: reading.merging(metadata) { own, _ in own })
    }

    /// The last event of a run.
    public static func done(
        _ outcome: Outcome, _ sentence: String = "", usage: Usage? = nil, cost: Cost? = nil,
        metadata: [String: JSONValue] = [:]
    ) -> StreamEvent {
        var metadata = metadata
        metadata["outcome"] = .string(outcome.rawValue)
        if let usage { metadata["usage"] = usage.json }
        if let cost { metadata["cost"] = cost.json }
        return StreamEvent(.streamDone, content: sentence, metadata: metadata)
    }
}
