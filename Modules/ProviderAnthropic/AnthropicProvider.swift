public import Configuration
public import Core
public import HTTPClient
public import Providers

/// Anthropic's Claude, through the Messages API.
public struct AnthropicProvider: Dialect {
    public static let kind = "anthropic"

    private let settings: ProviderSettings
    private let options: MessageOptions
    private let version: String

    /// Reads the settings of every provider, and those of this kind.
    ///
    /// - `parameters.max_output_tokens`: the API wants it, so that 4096 is sent where it is not given, and as much
    ///   above the thinking budget.
    /// - `parameters.reasoning_effort`: sent as `output_config.effort`.
    /// - `thinking.type`: `enabled`, `adaptive` or `disabled`; `default`, the model's own habit, sends nothing.
    /// - `thinking.budget_tokens`: for `enabled`, at least 1024 and less than the tokens of the whole answer.
    /// - `thinking.display`: such as `summarized`, without which newer models show no thoughts.
    /// - `prefill`: whether the model continues an answer that was begun; by default those up to Claude 4.5 do.
    /// - `api_version`: of the API; `2023-06-01` by default, the one whose stream is understood here. That of 2026-10-21
    ///   streams alike, and has no `temperature` and `top_p`.
    public init(_ settings: Section) {
        let common = ProviderSettings(settings, baseURL: "https://api.anthropic.com/v1", key: .required)
        version = settings.string("api_version", default: "2023-06-01")
        let prefill = settings.bool("prefill", default: ClaudeModel(common.model).takesPrefill)
        options = MessageOptions(settings.section("thinking"), common.parameters, takesPrefill: prefill)
        let unknown = [
            ("presence_penalty", common.parameters.presencePenalty != nil),
            ("frequency_penalty", common.parameters.frequencyPenalty != nil),
            ("seed", common.parameters.seed != nil), ("verbosity", common.parameters.verbosity != nil),
        ]
        for (name, isGiven) in unknown where isGiven {
            settings.fail("parameters", "the Messages API has no '\(name)'")
        }
        let sampling = [
            ("temperature", common.parameters.temperature != nil), ("top_p", common.parameters.topP != nil),
        ]
        for (name, isGiven) in sampling where isGiven && version >= Self.firstVersionWithoutSampling {
            settings.fail("parameters", "the Messages API of version \(version) has no '\(name)'")
        }
        self.settings = common
    }

    /// From this version on the API refuses `temperature` and `top_p`, whatever they are; versions are dates.
    private static let firstVersionWithoutSampling = "2026-10-21"

    public var name: String { settings.name }
    public var model: String { settings.model }
    public var capabilities: Capabilities { Capabilities(assistantPrefill: options.takesPrefill) }

    public func request(for prompt: Prompt) -> OutgoingRequest {
        var headers = [
            (name: "Content-Type", value: "application/json"), (name: "anthropic-version", value: version),
        ]
        if let key = settings.apiKey { headers.append((name: "x-api-key", value: key.reveal())) }
        return settings.post("/messages", headers: headers, body: MessageRequest(prompt, settings, options).body)
    }

    public func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        let type = head.mediaType
        if type == "text/html" { throw .provider(.providerProtocol) }
        let reader = MessageReader(provider: name)
        return type.contains("json") ? WholeAnswerDecoder(reader) : EventAnswerDecoder(reader)
    }
}

/// What a model's name tells of it.
struct ClaudeModel {
    /// Whether the last message may be the beginning of the answer.
    ///
    /// Models from Claude 4.6 on answer status 400 to it (Anthropic's migration guide, 2026). A name without a version
    /// that can be read is taken for a newer one.
    let takesPrefill: Bool

    /// - Parameter name: such as `claude-sonnet-4-5-20250929` or `claude-3-5-haiku-latest`.
    init(_ name: String) {
        let parts = name.split { "-.@".contains($0) }
        // A date has eight digits.
        let numbers = parts.drop { $0 != "claude" }.compactMap { $0.count <= 2 ? Int($0) : nil }
        guard let major = numbers.first else {
            takesPrefill = false
            return
        }
        let minor = numbers.dropFirst().first ?? 0
        takesPrefill = major < 4 || major == 4 && minor <= 5
    }
}
