internal import ChatCompletions
public import Configuration
public import Core
public import HTTPClient
public import Providers

/// DeepSeek, through its Chat Completions.
public struct DeepSeekProvider: Dialect {
    public static let kind = "deepseek"
    /// A request may wait ten minutes for its turn.
    public static let usualFirstToken = Duration.seconds(600)

    private let chat: ChatCompletions
    /// Where an answer can be continued, which the vendor offers under an address of its own.
    private let beta: ChatCompletions?

    private static let baseURL = "https://api.deepseek.com"

    /// Reads the settings of every provider, and those of this kind.
    ///
    /// - `thinking`: whether the model thinks first; without it nothing is said, and the models of 2026 do.
    /// - `beta_base_url`: where answers are continued; the vendor's own by default, none where `base_url` is another's.
    ///
    /// A request may wait ten minutes for its turn, which is the default of `timeouts.first_byte`.
    public init(_ settings: Section) {
        var deadlines = Deadlines()
        deadlines.firstByte = .seconds(600)
        deadlines.total = .seconds(1200)
        var common = ProviderSettings(settings, baseURL: Self.baseURL, key: .required, deadlines: deadlines)
        var profile = ChatCompletions.Profile(tokenLimitField: "max_tokens")
        if let thinks = settings.bool("thinking") { profile.extraBody["thinking"] = Self.thinking(thinks) }
        chat = ChatCompletions(common, profile)

        let isVendor = common.baseURL == Self.baseURL
        guard let url = Self.betaURL(settings, default: isVendor ? "\(Self.baseURL)/beta" : nil) else {
            beta = nil
            return
        }
        // What was shown is behind the thinking already.
        profile.prefill = .init(message: ["prefix": true], body: ["thinking": Self.thinking(false)])
        common.baseURL = url
        beta = ChatCompletions(common, profile)
    }

    private static func thinking(_ thinks: Bool) -> JSONValue { ["type": thinks ? "enabled" : "disabled"] }

    private static func betaURL(_ settings: Section, default url: String?) -> String? {
        guard let url = url.map({ settings.string("beta_base_url", default: $0) }) ?? settings.string("beta_base_url")
        else { return nil }
        return settings.checkedURL(url, "beta_base_url")
    }

    public var name: String { chat.settings.name }
    public var model: String { chat.settings.model }
    public var capabilities: Capabilities { beta?.capabilities ?? Capabilities() }

    public func request(for prompt: Prompt) -> OutgoingRequest {
        let continues = !prompt.answerSoFar.isEmpty
        return (continues ? beta ?? chat : chat).request(for: prompt)
    }

    public func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        try chat.decoder(for: head)
    }
}
