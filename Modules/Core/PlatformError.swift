/// What went wrong, for three readers: the program reads ``code``, the user ``message``, the operator ``cause``.
///
/// `message` says what happened and what to do; it is safe to show a clinician. `cause` is for the log and never
/// leaves the server.
public struct PlatformError: Error, Sendable {
    public let code: Code
    /// Apart, because the frames of waiting tasks keep room for an error each.
    private let details: Details

    public var message: String { details.message }
    /// The input that is wrong, such as `message` or `server.port`, when there is one.
    public var field: String? { details.field }
    /// How long to wait before trying again, when it is known.
    public var retryAfter: Duration? { details.retryAfter }
    public var cause: (any Error)? { details.cause }

    public init(
        _ code: Code, _ message: String, field: String? = nil, retryAfter: Duration? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        details = Details(message: message, field: field, retryAfter: retryAfter, cause: cause)
    }

    private final class Details: Sendable {
        let message: String
        let field: String?
        let retryAfter: Duration?
        let cause: (any Error)?

        init(message: String, field: String?, retryAfter: Duration?, cause: (any Error)?) {
            self.message = message
            self.field = field
            self.retryAfter = retryAfter
            self.cause = cause
        }
    }

    /// A closed, low-cardinality set: HTTP statuses, retry policy and metric labels are read off it.
    public enum Code: String, Sendable, CaseIterable {
        // The request is at fault.
        case invalidRequest = "invalid_request"
        case malformedBody = "malformed_body"
        case notFound = "not_found"
        case methodNotAllowed = "method_not_allowed"
        case notAcceptable = "not_acceptable"
        case conflict
        case tooLarge = "too_large"
        case unauthenticated
        case forbidden
        case rateLimited = "rate_limited"

        // The model's provider is at fault.
        case providerAuthentication = "provider_authentication"
        case providerQuota = "provider_quota"
        case providerRejected = "provider_rejected"
        case providerOverloaded = "provider_overloaded"
        case providerFailed = "provider_failed"
        case providerUnreachable = "provider_unreachable"
        case providerProtocol = "provider_protocol"
        case providerTruncated = "provider_truncated"
        case contentBlocked = "content_blocked"
        case contextTooLong = "context_too_long"
        case modelNotFound = "model_not_found"
        case timedOut = "timed_out"

        // We are at fault, or busy.
        case cancelled
        case interrupted
        case shuttingDown = "shutting_down"
        case unavailable
        case storageFailed = "storage_failed"
        case internalError = "internal_error"

        /// Whether trying the same request again can succeed.
        public var isRetryable: Bool {
            switch self {
            case .rateLimited, .providerOverloaded, .providerFailed, .providerUnreachable, .providerProtocol,
                .providerTruncated, .timedOut, .cancelled, .interrupted, .shuttingDown, .unavailable, .storageFailed,
                .internalError:
                true
            case .invalidRequest, .malformedBody, .notFound, .methodNotAllowed, .notAcceptable, .conflict, .tooLarge,
                .unauthenticated, .forbidden, .providerAuthentication, .providerQuota, .providerRejected,
                .contentBlocked, .contextTooLong, .modelNotFound:
                false
            }
        }

        /// The status of an HTTP answer that carries this error.
        public var httpStatus: Int {
            switch self {
            case .malformedBody: 400
            case .unauthenticated: 401
            case .forbidden: 403
            case .notFound: 404
            case .methodNotAllowed: 405
            case .notAcceptable: 406
            case .conflict: 409
            case .tooLarge: 413
            case .invalidRequest, .contentBlocked, .contextTooLong: 422
            case .rateLimited: 429
            case .cancelled: 499
            case .internalError: 500
            case .providerAuthentication, .providerQuota, .providerRejected, .providerFailed, .providerUnreachable,
                .providerProtocol, .providerTruncated, .modelNotFound:
                502
            case .providerOverloaded, .interrupted, .shuttingDown, .unavailable: 503
            case .timedOut: 504
            case .storageFailed: 507
            }
        }
    }
}

extension PlatformError: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { "\(code.rawValue): \(message)" }
    public var debugDescription: String {
        cause.map { "\(description) (cause: \(String(reflecting: $0)))" } ?? description
    }
}
