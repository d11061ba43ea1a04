internal import Core
internal import JSON
internal import Providers

/// Reads what the Messages API says: the events of a stream, or the one object that is a whole message.
struct MessageReader: AnswerEventReader, WholeAnswerReader {
    private let provider: String
    private var tokens = Tokens()
    /// Held back until the message stops: it comes before the last usage.
    private var finish: FinishReason?
    /// Whether the message has stopped; nothing is read after that.
    private(set) var isComplete = false

    init(provider: String) { self.provider = provider }

    mutating func read(
        _ event: borrowing JSONDocument, named name: String, into deltas: inout [Delta]
    ) throws(PlatformError) {
        // Not all name themselves.
        let type = event.string(at: "/type") ?? name
        if type == "error" || tellsError(event) {
            throw ErrorAnswer(from: provider, inAnswer: event.value()).platformError
        }
        switch type {
        case "content_block_delta": readDelta(event, into: &deltas)
        case "content_block_start":
            append(event.string(at: "/content_block/text"), Delta.content, to: &deltas)
            append(event.string(at: "/content_block/thinking"), Delta.reasoning, to: &deltas)
        case "message_start":
            append(event.string(at: "/message/model"), Delta.start(model:), to: &deltas)
            readUsage(event.place(at: "/message/usage"), of: event, into: &deltas)
        case "message_delta":
            if let reason = event.string(at: "/delta/stop_reason") {
                stop(reason, event.string(at: "/delta/stop_details/category"), into: &deltas)
            }
            readUsage(event.place(at: "/usage"), of: event, into: &deltas)
        case "message_stop": complete(into: &deltas)
        // A server that does not stream after all.
        case "message": try readWhole(event, into: &deltas)
        default: break
        }
    }

    mutating func readWhole(_ message: borrowing JSONDocument, into deltas: inout [Delta]) throws(PlatformError) {
        if message.string(at: "/type") == "error" || tellsError(message) {
            throw ErrorAnswer(from: provider, inAnswer: message.value()).platformError
        }
        guard let blocks = message.place(at: "/content").flatMap({ message.value($0).array }) else {
            throw .provider(.providerProtocol)
        }
        append(message.string(at: "/model"), Delta.start(model:), to: &deltas)
        for block in blocks {
            switch block["type"]?.string {
            case "text": append(block["text"]?.string, Delta.content, to: &deltas)
            case "thinking": append(block["thinking"]?.string, Delta.reasoning, to: &deltas)
            default: break
            }
        }
        if let reason = message.string(at: "/stop_reason") {
            stop(reason, message.string(at: "/stop_details/category"), into: &deltas)
        }
        readUsage(message.place(at: "/usage"), of: message, into: &deltas)
        complete(into: &deltas)
    }

    /// Gateways send errors without Anthropic's type.
    private func tellsError(_ event: borrowing JSONDocument) -> Bool {
        event.exists(at: "/error") && !event.isNull(at: "/error")
    }

    /// Signatures, citations and pieces of a tool's input are not for showing.
    private func readDelta(_ event: borrowing JSONDocument, into deltas: inout [Delta]) {
        switch event.string(at: "/delta/type") {
        case "text_delta": append(event.string(at: "/delta/text"), Delta.content, to: &deltas)
        case "thinking_delta": append(event.string(at: "/delta/thinking"), Delta.reasoning, to: &deltas)
        default: break
        }
    }

    private func append(_ text: String?, _ delta: (String) -> Delta, to deltas: inout [Delta]) {
        if let text, !text.isEmpty { deltas.append(delta(text)) }
    }

    private mutating func readUsage(
        _ place: JSONDocument.Place?, of event: borrowing JSONDocument, into deltas: inout [Delta]
    ) {
        guard let place, event.isObject(place) else { return }
        tokens.update(place, of: event)
        deltas.append(.usage(tokens.usage))
    }

    private mutating func stop(_ reason: String, _ category: String?, into deltas: inout [Delta]) {
        finish = FinishReason(anthropic: reason)
        if reason == "refusal" { deltas.append(.flag(.init(kind: "refusal", detail: category ?? ""))) }
    }

    private mutating func complete(into deltas: inout [Delta]) {
        isComplete = true
        deltas.append(.finish(finish ?? .other))
    }
}

/// The counts of one message, which later events bring up to date one by one.
private struct Tokens: Sendable {
    private var input: Int?
    private var cacheCreation: Int?
    private var cacheRead: Int?
    private var output: Int?

    mutating func update(_ place: JSONDocument.Place, of event: borrowing JSONDocument) {
        input = event.int(at: "/input_tokens", in: place) ?? input
        cacheCreation = event.int(at: "/cache_creation_input_tokens", in: place) ?? cacheCreation
        cacheRead = event.int(at: "/cache_read_input_tokens", in: place) ?? cacheRead
        output = event.int(at: "/output_tokens", in: place) ?? output
    }

    /// The API counts what went through its cache apart from the rest of the input.
    var usage: Usage {
        Usage(
            input: input.map { Usage.added($0, cacheCreation ?? 0, cacheRead ?? 0) }, output: output,
            cachedInput: cacheRead)
    }
}

extension FinishReason {
    fileprivate init(anthropic reason: String) {
        switch reason {
        case "end_turn", "stop_sequence": self = .stop
        case "max_tokens", "model_context_window_exceeded": self = .length
        case "refusal": self = .contentFilter
        case "tool_use": self = .toolCalls
        // Of these, pause_turn is known: a turn of the vendor's own tools that took too long.
        default: self = .other
        }
    }
}
