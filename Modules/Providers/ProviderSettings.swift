public import Core
public import HTTPClient

/// What every provider that speaks HTTP is told in the configuration.
public struct ProviderSettings: Sendable {
    /// The entry below `providers:`.
    public var name: String
    /// Up to and with the version, such as `https://api.openai.com/v1`, without a slash at its end.
    public var baseURL: String
    public var model: String
    /// `api_key`, or the content of the file that `api_key_file` names; `nil` where none is needed.
    public var apiKey: Secret?
    /// Sent with every request, in place of a header of ours of the same name.
    public var headers: [(name: String, value: Secret)]
    public var deadlines: Deadlines
    public var parameters: ModelParameters

    public init(
        name: String, baseURL: String, model: String, apiKey: Secret? = nil,
        headers: [(name: String, value: Secret)] = [], deadlines: Deadlines = Deadlines(),
        parameters: ModelParameters = ModelParameters()
    ) {
        self.name = name
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        self.model = model
        self.apiKey = apiKey
        self.headers = headers
        self.deadlines = deadlines
        self.parameters = parameters
    }

    /// A request to a path below ``baseURL``, with ``headers`` after those of the dialect.
    ///
    /// The path begins with a slash. Of the dialect's headers those are left out that the settings have too.
    ///
    /// - Returns: a POST of `body`.
    public func post(
        _ path: String, headers own: [(name: String, value: String)], body: [UInt8]
    ) -> OutgoingRequest {
        let names = Set(headers.map { $0.name.lowercased() })
        let kept = own.filter { !names.contains($0.name.lowercased()) }
        let given = headers.map { (name: $0.name, value: $0.value.reveal()) }
        return OutgoingRequest("POST", baseURL + path, headers: kept + given, body: body, deadlines: deadlines)
    }

    /// What a prompt asks for, and ``parameters`` where it asks for nothing.
    public func parameters(for prompt: Prompt) -> ModelParameters { parameters.overridden(by: prompt.parameters) }
}

extension ProviderSettings {
    /// Text as one segment of a URL's path, everything but RFC 3986's unreserved characters escaped.
    public static func pathSegment(_ text: String) -> String {
        var segment = ""
        for byte in text.utf8 {
            let isUnreserved =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-._~".utf8.contains(byte)
            if isUnreserved {
                segment.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                segment += byte < 0x10 ? "%0" : "%"
                segment += String(byte, radix: 16, uppercase: true)
            }
        }
        return segment
    }
}
