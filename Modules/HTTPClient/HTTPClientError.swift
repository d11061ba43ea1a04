/// Why an exchange with another server failed.
///
/// Safe to log: it names the host and nothing else of the request.
public struct HTTPClientError: Error, Sendable, Hashable {
    public var kind: Kind
    /// Host and port of the URL; empty when the URL is invalid.
    public var host: String
    /// What the system said, such as `Connection refused`; often empty.
    public var detail: String

    /// What went wrong, in kinds that call for different answers.
    public enum Kind: Sendable, Hashable {
        /// The host's name, or the proxy's, could not be resolved.
        case dns
        /// No connection: refused, unreachable, or the proxy would not.
        case connect
        /// No secure connection: a certificate that is not trusted, another host's, or no TLS at all.
        case tls
        /// A deadline of the request passed.
        case timedOut(Deadline)
        /// The peer broke the connection off.
        case reset
        /// A connection kept from an earlier request broke before anything came back.
        ///
        /// Mostly the server had closed it meanwhile and saw nothing of the request, but it may have. Only of requests that
        /// must not be sent twice unasked; the next one to that host goes over a new connection.
        case staleConnection
        /// The body ended before its own framing says it does.
        case truncated
        /// The peer does not speak HTTP as it should.
        case protocolError
        /// The task was cancelled, or ``IncomingResponse/cancel()`` was called.
        case cancelled
        /// The URL is not an absolute `http` or `https` URL.
        case invalidURL
        /// The method or a header field holds what cannot be sent.
        case invalidRequest
        /// Anything else: a code of libcurl's.
        case other(code: Int)
    }

    /// The part of an exchange that took too long; see ``Deadlines``.
    public enum Deadline: Sendable, Hashable {
        case connect, firstByte, idle, total
    }

    package init(_ kind: Kind, host: String = "", detail: String = "") {
        self.kind = kind
        self.host = host
        self.detail = detail
    }
}

extension HTTPClientError: CustomStringConvertible {
    public var description: String {
        let place = host.isEmpty ? "" : "\(host): "
        return place + reason + (detail.isEmpty ? "" : " (\(detail))")
    }

    private var reason: String {
        switch kind {
        case .dns: "the host name could not be resolved"
        case .connect: "no connection could be made"
        case .tls: "no trusted TLS connection could be made"
        case .timedOut(.connect): "connecting took too long"
        case .timedOut(.firstByte): "the first byte of the response took too long"
        case .timedOut(.idle): "the response fell silent"
        case .timedOut(.total): "the whole exchange took too long"
        case .reset: "the connection was broken off"
        case .staleConnection: "the connection, kept from an earlier request, was broken off"
        case .truncated: "the response ended too early"
        case .protocolError: "the response is not proper HTTP"
        case .cancelled: "the request was cancelled"
        case .invalidURL: "the URL is not an absolute http or https URL"
        case .invalidRequest: "the method or a header cannot be sent as it is"
        case .other(let code): "libcurl failed with code \(code)"
        }
    }
}
