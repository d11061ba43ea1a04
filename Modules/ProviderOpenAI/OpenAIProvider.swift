internal import ChatCompletions
public import Configuration
public import Core
public import HTTPClient
public import Providers
internal import Responses

/// OpenAI, through Chat Completions or the Responses API.
public struct OpenAIProvider: Dialect {
    public static let kind = "openai"

    private let api: API

    /// The API that is spoken, with its dialect.
    private enum API: Sendable {
        case chat(ChatCompletions)
        case responses(Responses)
    }

    /// The APIs as the configuration names them.
    private enum Word: String, CaseIterable {
        case chat = "chat_completions"
        case responses
    }

    /// How much of the model's reasoning is told.
    private enum Summary: String, CaseIterable {
        case none, auto, concise, detailed
    }

    /// Reads the settings of every provider, and those of this kind.
    ///
    /// - `api`: `chat_completions`, the default, or `responses`, which alone tells of the model's reasoning.
    /// - `reasoning_summary`: `none`, the default, `auto`, `concise` or `detailed`; with `api: responses`.
    /// - `organization` and `project`, which some accounts bill by.
    public init(_ settings: Section) {
        var common = ProviderSettings(settings, baseURL: "https://api.openai.com/v1", key: .required)
        let account = [("OpenAI-Organization", "organization"), ("OpenAI-Project", "project")]
        for (header, key) in account {
            if let value = settings.string(key) { common.headers.append((name: header, value: Secret(value))) }
        }
        let summary = settings.choice("reasoning_summary", default: Summary.none)
        switch settings.choice("api", default: Word.chat) {
        case .chat:
            if summary != .none { settings.fail("reasoning_summary", "needs 'api: responses'") }
            var profile = ChatCompletions.Profile(tokenLimitField: "max_completion_tokens")
            // Accounts may be set to keep what is sent; clinical text is not to be kept.
            profile.extraBody = ["store": false]
            api = .chat(ChatCompletions(common, profile))
        case .responses:
            let parameters = settings.section("parameters")
            for key in Responses.unknownParameters where parameters.isGiven(key) {
                parameters.fail(key, "the Responses API has no such parameter")
            }
            api = .responses(Responses(common, reasoningSummary: summary == .none ? nil : summary.rawValue))
        }
    }

    private var settings: ProviderSettings {
        switch api {
        case .chat(let chat): chat.settings
        case .responses(let responses): responses.settings
        }
    }

    public var capabilities: Capabilities {
        switch api {
        case .chat(let chat): chat.capabilities
        case .responses: Capabilities()
        }
    }

    public var name: String { settings.name }
    public var model: String { settings.model }

    public func request(for prompt: Prompt) -> OutgoingRequest {
        switch api {
        case .chat(let chat): chat.request(for: prompt)
        case .responses(let responses): responses.request(for: prompt)
        }
    }

    public func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        switch api {
        case .chat(let chat): try chat.decoder(for: head)
        case .responses(let responses): try responses.decoder(for: head)
        }
    }
}
