public import Core
internal import JSON

/// An error as a provider tells it: by a status other than 200, or in the body of an answer that began well.
///
/// Providers quote the request in their messages, and sometimes the key. So the message is read to tell one error from
/// another and then forgotten; what is kept are the names in it that look like a program's.
public struct ErrorAnswer: Error, Sendable, Hashable {
    /// The provider's name in the configuration.
    public let provider: String
    /// The HTTP status; `nil` when the body alone tells of the error and gives none.
    public let status: Int?
    /// The provider's own codes and types in lower case, such as `insufficient_quota`.
    public let names: [String]
    public let code: PlatformError.Code
    public let retryAfter: Duration?

    /// An error told by a status other than 200, with as much of the body as was read: JSON of any content type, HTML,
    /// or nothing.
    public init(from provider: String, _ head: ResponseHead, body: Span<UInt8>) {
        self.init(from: provider, head: head, try? JSONValue(parsing: body))
    }

    /// An error told by an object inside an answer with status 200, mostly as its member `error`.
    public init(from provider: String, inAnswer body: JSONValue) {
        self.init(from: provider, head: nil, body)
    }

    private init(from provider: String, head: ResponseHead?, _ body: JSONValue?) {
        let told = ToldError(head, body?.array?.first ?? body)
        let status = head?.status ?? told.status
        let kind = told.code(status: status)
        self.provider = provider
        self.status = status
        names = told.names
        code = ErrorAnswer.heeding(head?["x-should-retry"], kind)
        retryAfter = code.isRetryable ? RetryAfter.duration(head, told.details, isRateLimit: code == .rateLimited) : nil
    }

    /// The same as the platform knows it, this being the cause.
    public var platformError: PlatformError { .provider(code, retryAfter: retryAfter, cause: self) }

    /// The provider knows best whether a retry can help (OpenAI and Anthropic say so in `x-should-retry`).
    private static func heeding(_ advice: String?, _ code: PlatformError.Code) -> PlatformError.Code {
        switch (advice, code.isRetryable) {
        case ("false", true): code == .rateLimited ? .providerQuota : .providerRejected
        case ("true", false): .providerFailed
        default: code
        }
    }
}

extension ErrorAnswer: CustomStringConvertible {
    public var description: String {
        let told = names.isEmpty ? "" : " (\(names.joined(separator: ", ")))"
        return "\(provider): \(status.map { "status \($0)" } ?? "error in the answer")\(told)"
    }
}

/// What an error's body says, in the shapes that providers give it.
private struct ToldError {
    var names: [String] = []
    /// A status that stands in the body: `code` at OpenRouter and Gemini, `status_code` at Groq.
    var status: Int?
    var details: [JSONValue] = []
    private var message = ""

    init(_ head: ResponseHead?, _ body: JSONValue?) {
        let error = body?["error"].flatMap { $0.object == nil ? nil : $0 } ?? body
        details = error?["details"]?.array ?? []
        message = (error?["message"]?.string ?? body?["error"]?.string ?? "").lowercased()
        let amazon = head?["x-amzn-errortype"].map { JSONValue.string(String($0.prefix { $0 != ":" })) }
        let fields = [
            error?["code"], error?["type"], error?["status"], error?["innererror"]?["code"], error?["param"], amazon,
        ]
        for field in fields + details.map({ $0["reason"] }) {
            guard let name = field?.string?.lowercased(), Self.isProgrammatic(name) else { continue }
            if !names.contains(name) { names.append(name) }
        }
        for number in [error?["status_code"], error?["code"]] {
            let value = number?.int ?? number?.string.flatMap(Int.init)
            if status == nil, let value, (400...599).contains(value) { status = value }
        }
    }

    /// Whether a name can be logged: long enough for a code or a parameter, and without the hyphen that keys have.
    private static func isProgrammatic(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "_.[]".utf8.contains(byte)
            }
    }

    private func has(_ wanted: Set<String>) -> Bool { names.contains { wanted.contains($0) } }

    private func says(_ phrases: [String]) -> Bool { phrases.contains { message.contains($0) } }

    func code(status: Int?) -> PlatformError.Code {
        if has(Self.blocked) { return .contentBlocked }
        if has(Self.tooLong) { return .contextTooLong }
        guard let status else { return named() ?? .providerFailed }
        switch status {
        case 401, 403: return .providerAuthentication
        case 402: return .providerQuota
        case 404: return .modelNotFound
        case 408, 504: return .timedOut
        // A call that was given up on Google's side.
        case 499: return .providerFailed
        case 413: return .contextTooLong
        case 424: return .providerRejected
        case 429: return has(Self.quota) || says(Self.spent) ? .providerQuota : .rateLimited
        case 503, 529: return .providerOverloaded
        case 500: return has(Self.overloaded) ? .providerOverloaded : .providerFailed
        case 409, 501...: return .providerFailed
        default: return refused()
        }
    }

    /// A 400 and its like, and redirects, which are not followed: the key would go with them.
    private func refused() -> PlatformError.Code {
        if has(Self.authentication) { return .providerAuthentication }
        if has(Self.model) || message.contains("model identifier is invalid") { return .modelNotFound }
        if has(Self.quota) || says(Self.spent) { return .providerQuota }
        // vLLM and DeepSeek, Anthropic, Bedrock and Gemini give this no code of its own.
        let isTooLong = says([
            "maximum context length", "prompt is too long", "input is too long", "input token count",
        ])
        return isTooLong ? .contextTooLong : .providerRejected
    }

    private func named() -> PlatformError.Code? {
        if has(Self.authentication) { return .providerAuthentication }
        if has(Self.quota) { return .providerQuota }
        if has(Self.rate) { return .rateLimited }
        if has(Self.overloaded) { return .providerOverloaded }
        if has(Self.slow) { return .timedOut }
        if has(Self.model) { return .modelNotFound }
        return has(Self.invalid) ? refused() : nil
    }

    // The vendors' names, as their documentation and their SDKs have them in November 2026.
    private static let blocked: Set = ["content_filter", "responsibleaipolicyviolation", "content_policy_violation"]
    private static let tooLong: Set = [
        "context_length_exceeded", "exceed_context_size_error", "request_too_large",
    ]
    private static let authentication: Set = [
        "invalid_api_key", "api_key_invalid", "authentication_error", "permission_error", "invalidsignatureexception",
        "expiredtokenexception", "unrecognizedclientexception", "accessdeniedexception", "unauthenticated",
        "permission_denied",
    ]
    private static let quota: Set = [
        "insufficient_quota", "credit_balance_exhausted", "billing_error", "billing_hard_limit_reached",
        "servicequotaexceededexception",
    ]
    /// How Anthropic says that an account has no credit or has reached its limit, under a general type.
    private static let spent = ["credit balance is too low", "api usage limits", "spend limit"]
    private static let rate: Set = [
        "rate_limit_exceeded", "rate_limit_error", "throttlingexception", "resource_exhausted",
    ]
    private static let slow: Set = ["timeout_error", "modeltimeoutexception", "deadline_exceeded"]
    private static let overloaded: Set = [
        "server_is_overloaded", "slow_down", "overloaded_error", "unavailable_error", "service_unavailable_error",
        "serviceunavailableexception", "modelnotreadyexception", "unavailable",
    ]
    private static let model: Set = ["model_not_found", "not_found_error", "deploymentnotfound", "not_found"]
    private static let invalid: Set = [
        "invalid_request_error", "invalid_prompt", "validationexception", "invalid_argument", "failed_precondition",
    ]
}
