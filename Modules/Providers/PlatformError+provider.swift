public import Core
public import HTTPClient

extension PlatformError {
    /// An error of a provider with the sentence that goes with its code; of the provider's own words it has none.
    ///
    /// A code that does not say what a provider did gets a general sentence.
    public static func provider(
        _ code: Code, retryAfter: Duration? = nil, cause: (any Error)? = nil
    ) -> PlatformError {
        PlatformError(code, sentence(for: code, retryAfter), retryAfter: retryAfter, cause: cause)
    }

    /// What a failed exchange means.
    ///
    /// `hasBegun` says whether the head of an answer had come: a connection lost after it cuts the answer short.
    public static func provider(
        _ kind: HTTPClientError.Kind, hasBegun: Bool, cause: (any Error)? = nil
    ) -> PlatformError {
        let code: Code =
            switch kind {
            case .timedOut: .timedOut
            case .cancelled: .cancelled
            case .truncated: .providerTruncated
            case .protocolError: .providerProtocol
            case .invalidURL, .invalidRequest: .providerRejected
            case .staleConnection: .providerUnreachable
            case .dns, .connect, .tls, .reset, .other: hasBegun ? .providerTruncated : .providerUnreachable
            }
        return provider(code, cause: cause)
    }

    private static func sentence(for code: Code, _ retryAfter: Duration?) -> String {
        let tell = "Please tell the operator of this server."
        let seconds = retryAfter.map { $0.components.seconds + ($0.components.attoseconds > 0 ? 1 : 0) }
        let again = seconds.map { "Please try again in \(max(1, $0)) s." } ?? "Please try again."
        return switch code {
        case .providerAuthentication: "The model's provider refused this server's credentials. \(tell)"
        case .providerQuota: "This server's account with the model's provider is used up. \(tell)"
        case .rateLimited: "The model's provider is asked too much at the moment. \(again)"
        case .providerOverloaded: "The model's provider is overloaded. \(again)"
        case .providerRejected: "The model's provider refused the request. \(tell)"
        case .providerUnreachable: "The model's provider cannot be reached. \(again)"
        case .providerProtocol: "The model's answer could not be read. \(again)"
        case .providerTruncated: "The model's answer broke off. \(again)"
        case .contentBlocked: "The provider's content filter did not let this through. Please say it in other words."
        case .contextTooLong: "This conversation is too long for the model. Please start a new one."
        case .modelNotFound: "The provider does not know the model. \(tell)"
        case .timedOut: "The model's provider did not answer in time. \(again)"
        case .cancelled: "The answer was stopped."
        default: "The model's provider failed. \(again)"
        }
    }
}
