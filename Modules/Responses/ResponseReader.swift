internal import Core
internal import JSON
internal import Providers

/// Reads the events of a streamed response, or a response that comes whole.
///
/// On the token path: of an event with text it looks up what it needs and builds nothing else.
///
/// There is no marker of the end besides `response.completed` and its like, which carry the whole response once more, and
/// events that are not known are many.
struct ResponseReader: AnswerEventReader, WholeAnswerReader {
    let provider: String
    /// Whether the response has said that it ended.
    private(set) var isComplete = false

    private var texts = ResponseTexts()
    private var hasStarted = false
    private var callsTool = false

    init(provider: String) { self.provider = provider }

    mutating func read(
        _ event: borrowing JSONDocument, named name: String, into deltas: inout [Delta]
    ) throws(PlatformError) {
        // A whole response without its content type.
        if name == "json", !event.exists(at: "/type"), event.exists(at: "/output") {
            return try readWhole(event, into: &deltas)
        }
        let isError = name == "error" || name == "json"
        // Every response inside an event has an `error` of its own, which is null: only the event's own counts.
        if isError || (event.exists(at: "/error") && !event.isNull(at: "/error")) {
            throw ErrorAnswer(from: provider, inAnswer: event.value()).platformError
        }
        switch event.string(at: "/type") {
        case "response.output_text.delta":
            if let text = event.string(at: "/delta") { texts.say(text, in: item(event), into: &deltas) }
        case "response.reasoning_summary_text.delta":
            let part = ResponseTexts.Part(item: item(event), index: event.int(at: "/summary_index") ?? 0)
            if let text = event.string(at: "/delta") { texts.reason(text, .summary, in: part, into: &deltas) }
        case "response.reasoning_text.delta":
            let part = ResponseTexts.Part(item: item(event), index: event.int(at: "/content_index") ?? 0)
            if let text = event.string(at: "/delta") { texts.reason(text, .raw, in: part, into: &deltas) }
        case "response.refusal.delta":
            if let text = event.string(at: "/delta") { texts.refuse(text, in: item(event), into: &deltas) }
        case "response.output_item.added":
            if event.string(at: "/item/type") == "function_call" { callsTool = true }
        case "response.created", "response.in_progress", "response.queued":
            start(event.string(at: "/response/model"), into: &deltas)
        case "response.completed": try end(event, "completed", into: &deltas)
        case "response.incomplete": try end(event, "incomplete", into: &deltas)
        case "response.failed": try end(event, "failed", into: &deltas)
        case "response.cancelled": try end(event, "cancelled", into: &deltas)
        case "error": throw ErrorAnswer(from: provider, inAnswer: event.value()).platformError
        default: break
        }
    }

    mutating func readWhole(_ answer: borrowing JSONDocument, into deltas: inout [Delta]) throws(PlatformError) {
        let response = answer.value()
        guard let output = response["output"]?.array else {
            if response["error"].map({ $0 != .null }) ?? false { throw failure(response) }
            throw .provider(.providerProtocol)
        }
        start(response["model"]?.string, into: &deltas)
        for (place, item) in output.enumerated() { read(item, at: place, into: &deltas) }
        try end(response, response["status"]?.string ?? "completed", into: &deltas)
    }

    private func item(_ event: borrowing JSONDocument) -> Int { event.int(at: "/output_index") ?? 0 }

    private mutating func start(_ model: String?, into deltas: inout [Delta]) {
        guard !hasStarted, let model, !model.isEmpty else { return }
        hasStarted = true
        deltas.append(.start(model: model))
    }

    private mutating func read(_ item: JSONValue, at place: Int, into deltas: inout [Delta]) {
        for (index, part) in (item["summary"]?.array ?? []).enumerated() {
            texts.reason(part["text"]?.string ?? "", .summary, in: .init(item: place, index: index), into: &deltas)
        }
        for (index, part) in (item["content"]?.array ?? []).enumerated() {
            let text = part["text"]?.string ?? ""
            switch part["type"]?.string {
            case "output_text": texts.say(text, in: place, into: &deltas)
            case "reasoning_text": texts.reason(text, .raw, in: .init(item: place, index: index), into: &deltas)
            case "refusal": texts.refuse(part["refusal"]?.string ?? "", in: place, into: &deltas)
            default: break
            }
        }
        if item["type"]?.string == "function_call" { callsTool = true }
    }

    private mutating func end(
        _ event: borrowing JSONDocument, _ status: String, into deltas: inout [Delta]
    ) throws(PlatformError) {
        guard let place = event.place(at: "/response") else { throw .provider(.providerProtocol) }
        start(event.string(at: "/model", in: place), into: &deltas)
        try end(event.value(place), event.string(at: "/status", in: place) ?? status, into: &deltas)
    }

    private mutating func end(_ response: JSONValue, _ status: String, into deltas: inout [Delta]) throws(PlatformError)
    {
        if let usage = response["usage"], usage.object != nil { deltas.append(.usage(Usage(response: usage))) }
        switch status {
        case "failed": throw failure(response)
        // Answers that are made in the background are not asked for, so one that goes on has been cut off.
        case "in_progress", "queued": throw .provider(.providerTruncated)
        default: break
        }
        isComplete = true
        let reason = response["incomplete_details"]?["reason"]?.string
        deltas.append(.finish(FinishReason(responseStatus: status, reason: reason, callsTool: callsTool)))
    }

    private func failure(_ response: JSONValue) -> PlatformError {
        ErrorAnswer(from: provider, inAnswer: ["error": response["error"] ?? .null]).platformError
    }
}

extension Usage {
    fileprivate init(response usage: JSONValue) {
        self.init(
            input: usage["input_tokens"]?.int, output: usage["output_tokens"]?.int, total: usage["total_tokens"]?.int,
            reasoning: usage["output_tokens_details"]?["reasoning_tokens"]?.int,
            cachedInput: usage["input_tokens_details"]?["cached_tokens"]?.int)
    }
}
