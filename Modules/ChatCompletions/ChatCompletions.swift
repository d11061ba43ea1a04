public import Core
public import HTTPClient
public import Providers

/// The dialect of `POST /chat/completions`, which OpenAI began and many servers speak.
///
/// A plugin holds one, made from its settings, and lets it do the work; what differs between servers is its ``Profile``.
public struct ChatCompletions: Sendable {
    public var settings: ProviderSettings
    public var profile: Profile

    /// In what servers of this dialect differ.
    public struct Profile: Sendable {
        /// The field that carries ``Core/ModelParameters/maxOutputTokens``.
        ///
        /// OpenAI's reasoning models refuse `max_tokens`; Ollama ignores `max_completion_tokens`.
        public var tokenLimitField: String
        /// Whether to ask for the tokens used, which servers that do not know `stream_options` refuse.
        public var asksForUsage = true
        /// Whether temperature, top-p and penalties are sent when they are given.
        public var sendsSampling = true
        /// Members of a delta that may hold reasoning, the first that is a string counting.
        public var reasoningFields = ["reasoning_content", "reasoning"]
        /// Whether a filter's verdicts are read, which Azure sends with the text and behind it.
        public var readsFilterVerdicts = false
        /// Whether an answer that begins with `<think>` is reasoning up to `</think>`.
        public var splitsThinkTags = false
        /// Members for the request's body, in place of ours of the same name.
        public var extraBody: [String: JSONValue] = [:]
        /// How a request carries the beginning of an answer that is to be continued; `nil` where none can.
        public var prefill: Prefill?

        public init(tokenLimitField: String) { self.tokenLimitField = tokenLimitField }
    }

    /// What tells a server to continue the last message, which is the assistant's, instead of answering it.
    public struct Prefill: Sendable, Hashable {
        /// Members for that message beside its role and text.
        public var message: [String: JSONValue]
        /// Members for the request's body, before any other of the same name.
        public var body: [String: JSONValue]

        /// A mark made of members; without any, that the message is the last is mark enough.
        public init(message: [String: JSONValue] = [:], body: [String: JSONValue] = [:]) {
            self.message = message
            self.body = body
        }
    }

    public init(_ settings: ProviderSettings, _ profile: Profile) {
        self.settings = settings
        self.profile = profile
    }

    /// What servers of this profile can do.
    public var capabilities: Capabilities { Capabilities(assistantPrefill: profile.prefill != nil) }

    /// The request for an answer to `prompt`, streamed if the prompt says so.
    public func request(for prompt: Prompt) -> OutgoingRequest {
        var headers = [(name: "Content-Type", value: "application/json")]
        if let key = settings.apiKey { headers.append((name: "Authorization", value: "Bearer \(key.reveal())")) }
        return settings.post("/chat/completions", headers: headers, body: body(for: prompt))
    }

    /// The body of ``request(for:)``, for servers that want it elsewhere.
    public func body(for prompt: Prompt) -> [UInt8] {
        ChatRequest(prompt, settings, profile).body
    }

    /// A reader of the answer: piece by piece, or whole when it is one JSON text, whatever was asked for.
    ///
    /// - Throws: ``Core/PlatformError`` with code `providerProtocol` for a page of HTML, such as proxies send.
    public func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        let type = head.mediaType
        if type == "text/html" { throw .provider(.providerProtocol) }
        let reader = ChunkReader(provider: settings.name, profile: profile)
        return type.contains("json") ? WholeAnswerDecoder(reader) : EventAnswerDecoder(reader)
    }
}
