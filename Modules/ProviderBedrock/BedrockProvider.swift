public import Configuration
public import Core
public import HTTPClient
public import Providers

/// Amazon Bedrock, through Converse and ConverseStream, which are the same for the models of all vendors there.
public struct BedrockProvider: Dialect {
    public static let kind = "bedrock"

    private let settings: ProviderSettings
    private let converse: ConverseRequest
    private let credentials: Credentials?
    private let signer: RequestSigner?

    /// Reads the settings of every provider, and those of this kind.
    ///
    /// - `region`: Amazon's, such as `eu-central-1`; `AWS_REGION` by default. `base_url` follows from it.
    /// - `bearer_token`, or `access_key_id`, `secret_access_key` and `session_token`, each also as `…_file`; where none
    ///   is given, those of the environment or of the shared credentials file, as they are when this is read.
    /// - `guardrail`: `identifier`, `version` and `stream_mode`.
    /// - `additional_model_request_fields`: what a model takes beyond Converse, such as Claude's `thinking`.
    public init(_ settings: Section) {
        let region = Self.region(settings)
        let vendor = region.map { "https://bedrock-runtime.\($0).amazonaws.com" }
        let common = ProviderSettings(settings, baseURL: vendor ?? "", key: .optional, keyName: "bearer_token")
        let credentials = Credentials(settings, bearer: common.apiKey)
        var signer: RequestSigner?
        if case .keys(let keys) = credentials, let region { signer = RequestSigner(keys, region: region) }
        if case .keys = credentials, region == nil {
            settings.fail("region", "is missing, and AWS_REGION too; signatures hold it")
        } else if common.baseURL.isEmpty {
            settings.fail("region", "is missing, and AWS_REGION too; expected a region such as eu-central-1")
        }
        Self.refuseUnknownParameters(settings.section("parameters"))
        self.settings = common
        self.credentials = credentials
        self.signer = signer
        converse = ConverseRequest(
            parameters: common.parameters, modelFields: settings.json("additional_model_request_fields"),
            guardrail: ConverseRequest.Guardrail(settings))
    }

    public var name: String { settings.name }
    public var model: String { settings.model }

    public func request(for prompt: Prompt) -> OutgoingRequest {
        var headers = [(name: "Content-Type", value: "application/json")]
        if case .bearer(let token) = credentials {
            headers.append((name: "Authorization", value: "Bearer \(token.reveal())"))
        }
        let operation = prompt.streams ? "converse-stream" : "converse"
        return settings.post(
            "/model/\(model.percentEncoded())/\(operation)", headers: headers, body: converse.body(for: prompt))
    }

    public func signed(_ request: OutgoingRequest, at moment: Timestamp) -> OutgoingRequest {
        signer?.signed(request, at: moment) ?? request
    }

    public func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        let reader = ConverseReader(provider: name)
        return switch head.mediaType {
        case "application/vnd.amazon.eventstream": ConverseStreamDecoder(reader)
        case let type where type.contains("json"): WholeAnswerDecoder(reader)
        default: throw .provider(.providerProtocol)
        }
    }

    private static func region(_ settings: Section) -> String? {
        let ambient = settings.variable("AWS_REGION") ?? settings.variable("AWS_DEFAULT_REGION")
        let region = ambient.map { settings.string("region", default: $0) } ?? settings.string("region")
        guard let region else { return nil }
        // It becomes part of a host's name.
        guard region.wholeMatch(of: /[a-z0-9]+(-[a-z0-9]+)*/) != nil else {
            settings.fail("region", "expected a region such as eu-central-1")
            return "us-east-1"
        }
        return region
    }

    private static func refuseUnknownParameters(_ parameters: Section) {
        for key in ["presence_penalty", "frequency_penalty", "seed", "verbosity"] where parameters.isGiven(key) {
            parameters.fail(key, "Converse has none; what a model takes goes into additional_model_request_fields")
        }
    }
}

extension ConverseRequest.Guardrail {
    /// Reads `guardrail`; `nil` where there is none.
    init?(_ settings: Section) {
        let section = settings.section("guardrail")
        guard settings.isGiven("guardrail") else { return nil }
        identifier = section.requiredString("identifier")
        version = section.requiredString("version")
        streamMode = section.string("stream_mode")
        if let streamMode, !["sync", "async"].contains(streamMode) {
            section.fail("stream_mode", "expected sync or async")
        }
    }
}
