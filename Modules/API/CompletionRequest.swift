import Chat
import Core
import HTTPServer

/// A request of OpenAI's Chat Completions API, as far as it can be answered here.
///
/// What would change the answer and cannot be done is refused by its name; what only serves OpenAI's own bookkeeping is
/// passed over; a name that the API does not have is most likely a misspelt one.
struct CompletionRequest {
    var completion: ChatService.Completion
    /// Whether a stream ends with a chunk that tells the tokens used.
    var wantsUsage: Bool

    private static let read: Set<String> = [
        "model", "messages", "stream", "stream_options", "temperature", "top_p", "presence_penalty",
        "frequency_penalty", "max_tokens", "max_completion_tokens", "stop", "seed", "reasoning_effort", "verbosity",
    ]

    /// For accounts, bills and caches of OpenAI's.
    private static let passedOver: Set<String> = [
        "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
        "parallel_tool_calls",
    ]

    /// What cannot be done here, with the values that ask for nothing.
    private static let idle: [String: [JSONValue]] = [
        "n": [1], "tools": [[]], "tool_choice": ["none", "auto"], "functions": [[]], "function_call": ["none", "auto"],
        "response_format": [["type": "text"]], "logprobs": [false], "top_logprobs": [0], "logit_bias": [[:]],
        "modalities": [["text"]], "audio": [], "prediction": [], "web_search_options": [], "moderation": [],
    ]

    private static let known = read.union(passedOver).union(idle.keys)

    /// - Throws: `PlatformError` `malformedBody`, or `invalidRequest` naming the field.
    init(_ request: Request) throws(PlatformError) {
        let body = try RequestBody(request, known: Self.known)
        for (name, values) in Self.idle.sorted(by: { $0.key < $1.key }) {
            guard let value = body[name], !values.contains(value) else { continue }
            throw PlatformError(.invalidRequest, "'\(name)' is not supported here; leave it out.", field: name)
        }
        let streams = try body.flag("stream") ?? false
        let options = body["stream_options"]?.object ?? [:]
        wantsUsage = streams && options["include_usage"] == true
        completion = ChatService.Completion(
            model: try body.requiredString("model"), messages: try CompletionMessages(body).messages,
            parameters: try Self.parameters(body), streams: streams)
    }

    /// The bounds are those of the configuration's `parameters`.
    private static func parameters(_ body: RequestBody) throws(PlatformError) -> ModelParameters {
        var parameters = ModelParameters()
        parameters.temperature = try body.number("temperature", in: 0...2)
        parameters.topP = try body.number("top_p", in: 0...1)
        parameters.presencePenalty = try body.number("presence_penalty", in: -2...2)
        parameters.frequencyPenalty = try body.number("frequency_penalty", in: -2...2)
        let limits = 1...10_000_000
        let older = try body.int("max_tokens", in: limits)
        parameters.maxOutputTokens = try body.int("max_completion_tokens", in: limits) ?? older
        parameters.stop = try stops(body)
        parameters.seed = try body.int("seed", in: 0...Int.max)
        parameters.reasoningEffort = try body.string("reasoning_effort")
        parameters.verbosity = try body.string("verbosity")
        return parameters
    }

    private static func stops(_ body: RequestBody) throws(PlatformError) -> [String] {
        switch body["stop"] {
        case nil: return []
        case .string(let text): return [text]
        case .array(let elements) where elements.count <= 4 && elements.allSatisfy { $0.string != nil }:
            return elements.compactMap(\.string)
        default: throw PlatformError(.invalidRequest, "'stop' must be a text or up to four texts.", field: "stop")
        }
    }
}

/// The conversation of a request.
private struct CompletionMessages {
    var messages: [Prompt.Message] = []

    init(_ body: RequestBody) throws(PlatformError) {
        guard let list = body["messages"]?.array, !list.isEmpty else {
            throw PlatformError(.invalidRequest, "'messages' must be a list of one message or more.", field: "messages")
        }
        messages.reserveCapacity(list.count)
        for (index, message) in list.enumerated() { messages.append(try Self.message(message, "messages[\(index)]")) }
    }

    private static func message(_ message: JSONValue, _ place: String) throws(PlatformError) -> Prompt.Message {
        let role = try role(message["role"], "\(place).role")
        for name in ["tool_calls", "function_call", "audio"] {
            guard let value = message[name], value != .null, value != [] else { continue }
            throw PlatformError(
                .invalidRequest, "'\(place).\(name)' is not supported here: messages are text.",
                field: "\(place).\(name)")
        }
        return Prompt.Message(role, try text(message, "\(place).content"))
    }

    /// `developer` is the newer name of `system`.
    private static func role(_ value: JSONValue?, _ place: String) throws(PlatformError) -> Prompt.Role {
        switch value?.string {
        case "developer": return .system
        case let name?:
            if let role = Prompt.Role(rawValue: name) { return role }
            fallthrough
        default:
            throw PlatformError(
                .invalidRequest, "'\(place)' must be system, developer, user or assistant.", field: place)
        }
    }

    private static func text(_ message: JSONValue, _ place: String) throws(PlatformError) -> String {
        switch message["content"] {
        case .string(let text): return text
        case .array(let parts):
            var texts: [String] = []
            for (index, part) in parts.enumerated() { texts.append(try text(of: part, "\(place)[\(index)]")) }
            return texts.joined(separator: "\n")
        // An assistant that refused has said so elsewhere.
        case nil, .null:
            if let refusal = message["refusal"]?.string { return refusal }
            fallthrough
        default: throw PlatformError(.invalidRequest, "'\(place)' must be a text or a list of parts.", field: place)
        }
    }

    private static func text(of part: JSONValue, _ place: String) throws(PlatformError) -> String {
        let kind = part["type"]?.string
        guard kind == "text" || kind == "refusal", let text = part[kind ?? ""]?.string else {
            throw PlatformError(
                .invalidRequest, "'\(place)' is no part of text, and other parts are not supported here.", field: place)
        }
        return text
    }
}
