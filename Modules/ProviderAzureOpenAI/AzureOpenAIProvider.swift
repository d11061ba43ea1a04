internal import ChatCompletions
public import Configuration
public import Core
public import HTTPClient
public import Providers

/// Azure OpenAI: Chat Completions at an address, and with credentials and a content filter, of Azure's own.
public struct AzureOpenAIProvider: Dialect {
    public static let kind = "azure_openai"

    private let chat: ChatCompletions
    private let path: String
    private let token: SecretFile?

    /// Reads the settings of every provider, `endpoint` and `deployment` standing for `base_url` and `model`.
    ///
    /// - `endpoint`: the resource's address, such as `https://ward.openai.azure.com`.
    /// - `deployment`: the name that the model was deployed under.
    /// - `surface`: `deployment`, whose addresses name the deployment and an API version, or the newer `v1`.
    /// - `api_version`: such as `2024-10-21`, which is the default of `deployment`; `v1` needs none.
    /// - `api_key` or `api_key_file`, or else `entra_token_file`: a file with a token of Microsoft Entra ID for
    ///   `https://cognitiveservices.azure.com/.default`, which is read for each request, so that whatever renews it need
    ///   tell nobody.
    /// - `token_limit_field`: carries `max_output_tokens`; `max_completion_tokens` by default, `max_tokens` for older
    ///   models and API versions.
    public init(_ settings: Section) {
        let common = ProviderSettings(
            settings, baseURL: nil, key: .optional, urlName: "endpoint", modelName: "deployment")
        if ["/openai", "/openai/v1"].contains(where: common.baseURL.hasSuffix) {
            settings.fail("endpoint", "expected the resource's address without '/openai', which is added")
        }
        token = settings.secretFile("entra_token_file")
        if settings.isGiven("entra_token_file") {
            if common.apiKey != nil { settings.fail("entra_token_file", "expected this or api_key, found both") }
        } else if !settings.isGiven("api_key"), !settings.isGiven("api_key_file") {
            settings.fail("api_key", "is missing; expected api_key, api_key_file or entra_token_file")
        }
        var profile = ChatCompletions.Profile(
            tokenLimitField: settings.string("token_limit_field", default: "max_completion_tokens"))
        if profile.tokenLimitField.isEmpty { settings.fail("token_limit_field", "expected the name of a field") }
        profile.readsFilterVerdicts = true
        let address = Address(settings, deployment: common.model)
        profile.asksForUsage = address.isFrom("2024-09-01")
        if common.parameters.reasoningEffort != nil, !address.isFrom("2024-12-01") {
            settings.fail(
                "api_version", "expected 2024-12-01-preview or newer, which parameters.reasoning_effort needs")
        }
        path = address.path
        chat = ChatCompletions(common, profile)
    }

    public var name: String { chat.settings.name }
    public var model: String { chat.settings.model }

    public func request(for prompt: Prompt) -> OutgoingRequest {
        var headers = [(name: "Content-Type", value: "application/json")]
        if let token {
            headers.append((name: "Authorization", value: "Bearer \(token.secret.reveal())"))
        } else if let key = chat.settings.apiKey {
            headers.append((name: "api-key", value: key.reveal()))
        }
        return chat.settings.post(path, headers: headers, body: chat.body(for: prompt))
    }

    public func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        try chat.decoder(for: head)
    }
}

/// Where below its endpoint a deployment is asked, and which version of the API that is.
private struct Address {
    private enum Surface: String, CaseIterable { case deployment, v1 }

    let path: String
    private let surface: Surface
    private let version: String

    init(_ settings: Section, deployment: String) {
        surface = settings.choice("surface", default: Surface.deployment)
        version = settings.string("api_version", default: surface == .deployment ? "2024-10-21" : "")
        let hasDate = version.utf8.starts(with: "20".utf8) && version.utf8.count >= 10
        if surface == .deployment, !hasDate {
            settings.fail("api_version", "expected a date such as 2024-10-21, which surface: deployment needs")
        }
        let query = version.isEmpty ? "" : "?api-version=\(ProviderSettings.pathSegment(version))"
        path =
            switch surface {
            case .deployment:
                "/openai/deployments/\(ProviderSettings.pathSegment(deployment))/chat/completions\(query)"
            case .v1: "/openai/v1/chat/completions\(query)"
            }
    }

    /// Whether the API has what came with the version of that date; `v1` has everything.
    ///
    /// The dates are those of Microsoft's "Azure OpenAI API version lifecycle". An older API refuses what it does not
    /// know.
    func isFrom(_ date: String) -> Bool { surface == .v1 || String(version.prefix(10)) >= date }
}
