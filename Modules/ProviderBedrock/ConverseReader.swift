internal import Core
internal import JSON
internal import Providers

/// Reads what Converse says: the events of a stream, or the one object that is a whole answer.
struct ConverseReader: WholeAnswerReader {
    private let provider: String
    /// Whether the model has said why it stopped.
    private(set) var isComplete = false
    /// Held back until nothing can follow it.
    private var finish: FinishReason?
    private var hasRedacted = false

    init(provider: String) { self.provider = provider }

    /// Appends what one message of a stream says; what is not known says nothing.
    ///
    /// - Throws: the error that it tells of.
    mutating func read(
        _ head: EventStreamHead, _ payload: Span<UInt8>, into deltas: inout [Delta]
    ) throws(PlatformError) {
        switch (head.messageType, head.name) {
        case ("event", "contentBlockDelta"): readBlock(try document(payload), into: &deltas)
        case ("event", "messageStop"): stop(try document(payload).string(at: "/stopReason"), into: &deltas)
        case ("event", "metadata"):
            readUsage(try document(payload), into: &deltas)
            end(into: &deltas)
        case ("exception", let name), ("error", let name): throw error(name, payload)
        default: break
        }
    }

    mutating func readWhole(_ answer: borrowing JSONDocument, into deltas: inout [Delta]) throws(PlatformError) {
        guard let place = answer.place(at: "/output/message/content"), let blocks = answer.value(place).array,
            let reason = answer.string(at: "/stopReason")
        else { throw .provider(.providerProtocol) }
        for block in blocks {
            let reasoning = block["reasoningContent"]
            append(reasoning?["reasoningText"]?["text"]?.string, Delta.reasoning, to: &deltas)
            if reasoning?["redactedContent"] != nil { redact(into: &deltas) }
            append(block["text"]?.string, Delta.content, to: &deltas)
        }
        stop(reason, into: &deltas)
        readUsage(answer, into: &deltas)
        end(into: &deltas)
    }

    /// Appends what was held back.
    mutating func end(into deltas: inout [Delta]) {
        if let finish { deltas.append(.finish(finish)) }
        finish = nil
    }

    private func document(_ payload: Span<UInt8>) throws(PlatformError) -> JSONDocument {
        do throws(JSONError) {
            return try JSONDocument(parsing: payload)
        } catch {
            throw .provider(.providerProtocol, cause: error)
        }
    }

    private mutating func readBlock(_ event: borrowing JSONDocument, into deltas: inout [Delta]) {
        guard let delta = event.place(at: "/delta") else { return }
        append(event.string(at: "/text", in: delta), Delta.content, to: &deltas)
        guard let reasoning = event.place(at: "/reasoningContent", in: delta) else { return }
        append(event.string(at: "/text", in: reasoning), Delta.reasoning, to: &deltas)
        if event.exists(at: "/redactedContent", in: reasoning) { redact(into: &deltas) }
    }

    private func append(_ text: String?, _ delta: (String) -> Delta, to deltas: inout [Delta]) {
        if let text, !text.isEmpty { deltas.append(delta(text)) }
    }

    /// Reasoning that Amazon keeps to itself is noted once.
    private mutating func redact(into deltas: inout [Delta]) {
        if !hasRedacted { deltas.append(.flag(.init(kind: "redacted_reasoning", detail: ""))) }
        hasRedacted = true
    }

    /// What a guardrail masked is shown, and that it did so is noted.
    private mutating func stop(_ reason: String?, into deltas: inout [Delta]) {
        guard !isComplete else { return }
        isComplete = true
        finish = FinishReason(converse: reason ?? "")
        if reason == "guardrail_intervened" { deltas.append(.flag(.init(kind: "guardrail", detail: ""))) }
        if reason == "content_filtered" { deltas.append(.flag(.init(kind: "content_filter", detail: ""))) }
    }

    private func readUsage(_ object: borrowing JSONDocument, into deltas: inout [Delta]) {
        guard let usage = object.place(at: "/usage"), object.isObject(usage) else { return }
        deltas.append(.usage(Usage(usage, of: object)))
    }

    /// The message may quote the prompt: ``Providers/ErrorAnswer`` reads it and forgets it.
    private func error(_ name: String, _ payload: Span<UInt8>) -> PlatformError {
        var told = (try? JSONValue(parsing: payload))?.object ?? [:]
        told["type"] = .string(name)
        // Classified as the same exception before the answer's beginning, where it has this status.
        if let status = Self.statuses[name] { told["status_code"] = .int(status) }
        return ErrorAnswer(from: provider, inAnswer: .object(["error": .object(told)])).platformError
    }

    /// The statuses of exceptions in the service's model (`bedrock-runtime`, 2023-09-30), but for that of a model that
    /// broke off in mid-answer: it is 424 there, and still worth another try.
    private static let statuses: [String: Int64] = [
        "internalServerException": 500, "validationException": 400, "throttlingException": 429,
        "serviceUnavailableException": 503, "modelTimeoutException": 408,
    ]
}

extension FinishReason {
    /// - Parameter reason: as Converse says it.
    fileprivate init(converse reason: String) {
        switch reason {
        case "end_turn", "stop_sequence": self = .stop
        case "max_tokens", "model_context_window_exceeded": self = .length
        case "guardrail_intervened", "content_filtered": self = .contentFilter
        case "tool_use": self = .toolCalls
        case "malformed_model_output", "malformed_tool_use": self = .error
        default: self = .other
        }
    }
}

extension Usage {
    /// Of the input Converse counts apart what it read from its cache and what it wrote there (Amazon Bedrock user
    /// guide, "Prompt caching").
    fileprivate init(_ usage: JSONDocument.Place, of object: borrowing JSONDocument) {
        let read = object.int(at: "/cacheReadInputTokens", in: usage)
        let written = object.int(at: "/cacheWriteInputTokens", in: usage)
        self.init(
            input: object.int(at: "/inputTokens", in: usage).map { Self.added($0, read ?? 0, written ?? 0) },
            output: object.int(at: "/outputTokens", in: usage), total: object.int(at: "/totalTokens", in: usage),
            cachedInput: read)
    }
}
