internal import ChatCompletions
public import Configuration
public import Core
public import HTTPClient
public import Providers

/// Any server that speaks Chat Completions: Ollama, vLLM, llama.cpp, OpenRouter, a gateway.
///
/// Where such servers differ is a setting, because new ones appear faster than plugins are written.
public struct OpenAICompatibleProvider: Dialect {
    public static let kind = "openai_compatible"

    private let chat: ChatCompletions

    /// Reads the settings of every provider, of which the key may be absent, and those of this kind.
    ///
    /// - `token_limit_field`: carries `max_output_tokens`; `max_tokens` by default.
    /// - `stream_options`: whether to ask for the tokens used; true by default.
    /// - `sampling`: whether temperature, top-p and penalties are sent when given; true by default.
    /// - `reasoning_fields`: where reasoning stands in a delta, the first that is a text counting.
    /// - `think_tags`: whether an answer's beginning in `<think>` is reasoning; false by default.
    /// - `extra_body`: members for the request's body, in place of ours of the same name.
    public init(_ settings: Section) {
        let common = ProviderSettings(settings, baseURL: nil, key: .optional)
        var profile = ChatCompletions.Profile(
            tokenLimitField: settings.string("token_limit_field", default: "max_tokens"))
        if profile.tokenLimitField.isEmpty { settings.fail("token_limit_field", "expected the name of a field") }
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

    public func request(for prompt: Prompt) -> OutgoingRequest { chat.request(for: prompt) }

    public func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        try chat.decoder(for: head)
    }
}
