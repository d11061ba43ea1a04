public import Core
public import HTTPClient
public import Providers

/// The dialect of `POST /responses`, OpenAI's newer one, which tells of the model's reasoning.
///
/// A plugin holds one, made from its settings, and lets it do the work.
public struct Responses: Sendable {
    public var settings: ProviderSettings
    /// How much of the reasoning is told: `auto`, `concise` or `detailed`; nothing is told when `nil`.
    public var reasoningSummary: String?

    public init(_ settings: ProviderSettings, reasoningSummary: String? = nil) {
        self.settings = settings
        self.reasoningSummary = reasoningSummary
    }

    /// The parameters of ``Core/ModelParameters`` that this dialect has no name for, as the configuration calls
    /// them.
    public static let unknownParameters = ["presence_penalty", "frequency_penalty", "stop", "seed"]

    /// The request for an answer to `prompt`, streamed if the prompt says so.
    public func request(for prompt: Prompt) -> OutgoingRequest {
        var headers = [(name: "Content-Type", value: "application/json")]
        if let key = settings.apiKey { headers.append((name: "Authorization", value: "Bearer \(key.reveal())")) }
        let body = ResponsesRequest(settings: settings, reasoningSummary: reasoningSummary).body(for: prompt)
        return settings.post("/responses", headers: headers, body: body)
    }

    /// A reader of the answer: piece by piece, or whole when it is one JSON text, whatever was asked for.
    ///
    /// - Throws: ``Core/PlatformError`` with code `providerProtocol` for a page of HTML, such as proxies send.
    public func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        let type = head.mediaType
        if type == "text/html" { throw .provider(.providerProtocol) }
        let reader = ResponseReader(provider: settings.name)
        return type.contains("json") ? WholeAnswerDecoder(reader) : EventAnswerDecoder(reader)
    }
}
