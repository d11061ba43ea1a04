public import Configuration
internal import Core
public import HTTPClient

extension ProviderSettings {
    /// Whether a provider can do without a key.
    public enum KeyRule: Sendable {
        case required, optional
    }

    /// Reads `base_url`, `model`, `api_key` or `api_key_file`, `headers`, `timeouts` and `parameters`.
    ///
    /// Where the vendor has another word for the key, `keyName` stands in for `api_key`.
    ///
    /// - Parameters:
    ///   - section: the provider's; what is wrong in it is reported to it.
    ///   - baseURL: the vendor's; `nil` where it must be given.
    ///   - key: whether a key must be given.
    ///   - urlName: what the vendor's users call `base_url`.
    ///   - modelName: what they call `model`.
    ///   - keyName: the setting that holds the key; the same with `_file` names a file that does.
    ///   - deadlines: those that hold where `timeouts` says nothing.
    public init(
        _ section: Section, baseURL: String?, key: KeyRule, urlName: String = "base_url", modelName: String = "model",
        keyName: String = "api_key", deadlines: Deadlines = Deadlines()
    ) {
        let url = baseURL.map { section.string(urlName, default: $0) } ?? section.requiredString(urlName)
        self.init(
            name: section.name, baseURL: url.isEmpty ? url : section.checkedURL(url, urlName),
            model: section.requiredString(modelName),
            apiKey: key == .required ? section.requiredSecret(keyName) : section.secret(keyName),
            headers: section.secrets("headers"), deadlines: Deadlines(section.section("timeouts"), default: deadlines),
            parameters: ModelParameters(section.section("parameters")))
        for header in headers where !Self.canBeSent(header) {
            section.fail("headers", "the header '\(header.name.prefix(60).debugDescription)' cannot be sent as it is")
        }
        if let apiKey, !Self.isFieldValue(apiKey.reveal()) {
            section.fail(keyName, "expected a key without line breaks and control characters")
        }
    }

    /// A token and a field value (RFC 9110, sections 5.1 and 5.5).
    private static func canBeSent(_ header: (name: String, value: Secret)) -> Bool {
        let isToken = header.name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
        return isToken && !header.name.isEmpty && isFieldValue(header.value.reveal())
    }

    private static func isFieldValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }
}

extension Section {
    /// Looks whether paths can be put behind a URL, and reports it where they cannot.
    ///
    /// - Parameters:
    ///   - url: the value of the key.
    ///   - key: where to report.
    /// - Returns: the URL without a slash at its end.
    public func checkedURL(_ url: String, _ key: String) -> String {
        if !Self.isUsable(url) { fail(key, "expected an http or https URL without query and fragment") }
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    private static func isUsable(_ url: String) -> Bool {
        let rest = ["https://", "http://"].lazy.filter(url.hasPrefix).map { url.dropFirst($0.count) }.first
        guard let rest, let host = rest.first, host != "/" else { return false }
        return url.utf8.allSatisfy { (0x21..<0x7F).contains($0) && !"?#\"<>\\^`{|}@".utf8.contains($0) }
    }
}

extension Deadlines {
    /// Reads `connect`, `first_byte`, `idle` and `total`.
    init(_ section: Section, default deadlines: Deadlines) {
        self = deadlines
        let range = Duration.milliseconds(1)...Duration.seconds(86_400)
        connect = section.duration("connect", in: range, default: connect)
        firstByte = section.duration("first_byte", in: range, default: firstByte)
        idle = section.duration("idle", in: range, default: idle)
        total = section.duration("total", in: range, default: total)
    }
}

extension ModelParameters {
    /// Reads what is given of the parameters; the bounds are OpenAI's, those of other vendors being narrower.
    init(_ section: Section) {
        self.init()
        temperature = section.double("temperature", in: 0...2)
        topP = section.double("top_p", in: 0...1)
        presencePenalty = section.double("presence_penalty", in: -2...2)
        frequencyPenalty = section.double("frequency_penalty", in: -2...2)
        maxOutputTokens = section.int("max_output_tokens", in: 1...10_000_000)
        stop = section.strings("stop")
        seed = section.int("seed", in: 0...Int.max)
        reasoningEffort = section.string("reasoning_effort")
        verbosity = section.string("verbosity")
    }
}
