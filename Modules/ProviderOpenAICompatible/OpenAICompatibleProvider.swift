internal import ChatCompletions
public import Configuration
public import Core
public import HTTPClient
public import Providers

/// Any server that speaks Chat Completions: Ollama, vLLM, llama.cpp, OpenRouter, a gateway.
///
/// Where such servers differ is a setting, because new ones appear faster than plugins are written; for those known, a
/// profile sets them all.
public struct OpenAICompatibleProvider: Dialect {
    public static let kind = "openai_compatible"

    private let chat: ChatCompletions

    /// Reads the settings of every provider, and those of this kind.
    ///
    /// - `profile`: the server, whose habits are the defaults of all that follows: `ollama`, `vllm`, `llama_cpp`,
    ///   `groq`, `openrouter`, or `generic`, for which `base_url` must be given.
    /// - `token_limit_field`: carries `max_output_tokens`; `max_tokens`, and `max_completion_tokens` for Groq.
    /// - `stream_options`: whether to ask for the tokens used; true by default.
    /// - `sampling`: whether temperature, top-p and penalties are sent when given; true by default.
    /// - `reasoning_fields`: where reasoning stands in a delta, the first that is a text counting.
    /// - `think_tags`: whether an answer's beginning in `<think>` is reasoning; false by default.
    /// - `prefill`: whether the server continues a last message of the assistant; by default Ollama, vLLM, llama.cpp
    ///   and Groq do.
    /// - `extra_body`: members for the request's body, in place of ours of the same name.
    public init(_ settings: Section) {
        let server = settings.choice("profile", default: Server.generic)
        let common = ProviderSettings(settings, baseURL: server.baseURL, key: server.needsKey ? .required : .optional)
        var profile = server.profile
        profile.tokenLimitField = settings.string("token_limit_field", default: profile.tokenLimitField)
        if profile.tokenLimitField.isEmpty { settings.fail("token_limit_field", "expected the name of a field") }
        let canContinue = settings.bool("prefill", default: profile.prefill != nil)
        profile.prefill = canContinue ? profile.prefill ?? .init() : nil
        profile.asksForUsage = settings.bool("stream_options", default: profile.asksForUsage)
        profile.sendsSampling = settings.bool("sampling", default: profile.sendsSampling)
        profile.reasoningFields = settings.strings("reasoning_fields", default: profile.reasoningFields)
        profile.splitsThinkTags = settings.bool("think_tags", default: profile.splitsThinkTags)
        profile.extraBody = settings.json("extra_body")
        for key in ["messages", "stream"] where profile.extraBody[key] != nil {
            settings.fail("extra_body", "'\(key)' is for each request to say, not for the settings")
        }
        chat = ChatCompletions(common, profile)
    }

    public var name: String { chat.settings.name }
    public var model: String { chat.settings.model }
    public var capabilities: Capabilities { chat.capabilities }

    public func request(for prompt: Prompt) -> OutgoingRequest { chat.request(for: prompt) }

    public func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        try chat.decoder(for: head)
    }
}
