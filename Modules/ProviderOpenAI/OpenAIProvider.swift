internal import ChatCompletions
public import Configuration
public import Core
public import HTTPClient
public import Providers

/// OpenAI, through Chat Completions.
public struct OpenAIProvider: Dialect {
    public static let kind = "openai"

    private let chat: ChatCompletions

    /// Reads the settings of every provider, and `organization` and `project`, which some accounts bill by.
    public init(_ settings: Section) {
        var common = ProviderSettings(settings, baseURL: "https://api.openai.com/v1", key: .required)
        let account = [("OpenAI-Organization", "organization"), ("OpenAI-Project", "project")]
        for (header, key) in account {
            if let value = settings.string(key) { common.headers.append((name: header, value: Secret(value))) }
        }
        var profile = ChatCompletions.Profile(tokenLimitField: "max_completion_tokens")
        // Accounts may be set to keep what is sent; clinical text is not to be kept.
        profile.extraBody = ["store": false]
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
