public import Core
internal import HTTPClient

/// What a failed request means for what is done next: try again, ask another provider, or tell the user.
///
/// Read off a ``Core/PlatformError`` that a provider threw; a pure function of it. Whether anything was shown yet, how
/// often was tried and how much time is left is for the caller to weigh: ``canRetry`` and ``canFailOver`` speak of a
/// request of which nothing was shown.
public struct ProviderFailure: Sendable, Hashable {
    public var kind: Kind
    /// How long the provider asks to wait before the next request.
    public var wait: Duration?
    /// Whether the same request to the same provider may succeed.
    public var canRetry: Bool

    /// The ways a request fails; closed, so that a policy answers each.
    public enum Kind: Sendable, Hashable, CaseIterable {
        /// The key, the token or the signature is refused, or may not use the model.
        case authentication
        /// The account is used up, or not paid for.
        case quota
        /// Too many requests or tokens in a short time.
        case rateLimited
        /// The provider's filter did not let the request or the answer through.
        case contentBlocked
        /// The conversation is longer than the model's context.
        case contextTooLong
        case modelNotFound
        /// The request is refused for another reason, or must not be tried again.
        case rejected
        case overloaded
        /// The provider's own mistake.
        case failed
        /// No connection, or none that is trusted.
        case unreachable
        /// A connection that was kept from an earlier request broke before anything came.
        case staleConnection
        case connectTimeout, firstByteTimeout, idleTimeout, totalTimeout
        /// A timeout of the provider's own, such as status 504.
        case upstreamTimeout
        /// The answer broke off, or ended without saying that it is finished.
        case truncated
        /// What came is not of the provider's dialect.
        case protocolError
        /// Nobody wants the answer any more.
        case cancelled
        /// No failure of a provider's: ours.
        case local
    }

    public init(_ error: PlatformError) {
        let transport = (error.cause as? HTTPClientError)?.kind
        kind = Self.kind(error.code, transport)
        wait = error.retryAfter
        canRetry = Self.canRetry(kind, transport)
    }

    /// Whether another provider may answer what this one did not.
    ///
    /// That is nearly always so: another has its own key, account, limits, filter and context.
    public var canFailOver: Bool { kind != .cancelled && kind != .local }

    /// Whether this tells that the provider is in trouble, which counts for a circuit breaker.
    ///
    /// A request that it has good reason to refuse does not.
    public var speaksOfHealth: Bool {
        switch kind {
        case .overloaded, .failed, .unreachable, .connectTimeout, .firstByteTimeout, .idleTimeout, .totalTimeout,
            .upstreamTimeout, .truncated, .protocolError:
            true
        case .authentication, .quota, .rateLimited, .contentBlocked, .contextTooLong, .modelNotFound, .rejected,
            .staleConnection, .cancelled, .local:
            false
        }
    }

    /// Whether this tells nothing about the provider, neither good nor bad.
    var isSilent: Bool { kind == .cancelled || kind == .staleConnection }

    private static func kind(_ code: PlatformError.Code, _ transport: HTTPClientError.Kind?) -> Kind {
        switch code {
        case .providerAuthentication: .authentication
        case .providerQuota: .quota
        case .rateLimited: .rateLimited
        case .contentBlocked: .contentBlocked
        case .contextTooLong: .contextTooLong
        case .modelNotFound: .modelNotFound
        case .providerRejected: .rejected
        case .providerOverloaded: .overloaded
        case .providerFailed: .failed
        case .providerUnreachable: transport == .staleConnection ? .staleConnection : .unreachable
        case .providerTruncated: .truncated
        case .providerProtocol: .protocolError
        case .timedOut: timeout(transport)
        case .cancelled: .cancelled
        case .invalidRequest, .malformedBody, .notFound, .methodNotAllowed, .notAcceptable, .conflict, .tooLarge,
            .unauthenticated, .forbidden, .interrupted, .shuttingDown, .unavailable, .storageFailed, .internalError:
            .local
        }
    }

    private static func timeout(_ transport: HTTPClientError.Kind?) -> Kind {
        guard case .timedOut(let deadline) = transport else { return .upstreamTimeout }
        return switch deadline {
        case .connect: .connectTimeout
        case .firstByte: .firstByteTimeout
        case .idle: .idleTimeout
        case .total: .totalTimeout
        }
    }

    private static func canRetry(_ kind: Kind, _ transport: HTTPClientError.Kind?) -> Bool {
        switch kind {
        case .rateLimited, .overloaded, .failed, .staleConnection, .connectTimeout, .firstByteTimeout, .idleTimeout,
            .upstreamTimeout, .truncated, .protocolError:
            true
        // A name that is not known and a certificate that is not trusted do not mend in a second.
        case .unreachable: transport != .dns && transport != .tls
        // The time for the whole request has passed already.
        case .totalTimeout: false
        case .authentication, .quota, .contentBlocked, .contextTooLong, .modelNotFound, .rejected, .cancelled, .local:
            false
        }
    }
}
