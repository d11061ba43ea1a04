public import Configuration
public import Core
public import HTTPClient
public import Providers

/// Google's Gemini, through `generateContent` and `streamGenerateContent` of the Gemini API.
public struct GeminiProvider: Dialect {
    public static let kind = "gemini"

    private let settings: ProviderSettings
    private let options: GeminiOptions

    /// Reads the settings of every provider, and those of this kind; `parameters.reasoning_effort` is the thinking level
    /// of Gemini 3, such as `low`.
    ///
    /// - `thinking.budget`: tokens that Gemini 2.5 may think, 0 for none, -1 for as many as it likes.
    /// - `thinking.include_thoughts`: whether summaries of the thoughts come as reasoning.
    /// - `safety`: how strict Google's filter is by category, such as `dangerous_content: block_only_high`.
    ///
    /// What is not given is not sent, and the model's own default holds.
    public init(_ settings: Section) {
        self.settings = ProviderSettings(
            settings, baseURL: "https://generativelanguage.googleapis.com/v1beta", key: .required)
        options = GeminiOptions(settings, self.settings.parameters)
    }

    public var name: String { settings.name }
    public var model: String { settings.model }

    public func request(for prompt: Prompt) -> OutgoingRequest {
        // Not in the URL, where Google takes it too: URLs end up in logs.
        let key = settings.apiKey.map { [(name: "x-goog-api-key", value: $0.reveal())] } ?? []
        let method = prompt.streams ? "streamGenerateContent?alt=sse" : "generateContent"
        return settings.post(
            "/\(modelPath):\(method)", headers: [(name: "Content-Type", value: "application/json")] + key,
            body: GeminiRequest(parameters: settings.parameters(for: prompt), options: options).body(for: prompt))
    }

    /// `gemini-2.5-flash` is short for `models/gemini-2.5-flash`; tuned models stand elsewhere and are named in full.
    private var modelPath: String {
        let segments = model.split(separator: "/").map { ProviderSettings.pathSegment(String($0)) }
        return (segments.count > 1 ? segments : ["models"] + segments).joined(separator: "/")
    }

    public func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        let type = head.mediaType
        if type == "text/html" { throw .provider(.providerProtocol) }
        let reader = GeminiReader(provider: name)
        return type.contains("json") ? WholeAnswerDecoder(reader) : EventAnswerDecoder(reader)
    }
}
