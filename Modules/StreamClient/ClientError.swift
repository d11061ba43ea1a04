import Core
public import HTTPClient
import JSON

/// Why a call to a server brought nothing.
public enum ClientError: Error, Sendable, Hashable {
    /// No answer came, or not all of it.
    case unreachable(HTTPClientError)
    /// The server said no.
    case refused(Problem)
    /// What answered is no Medstream server, or one of another kind than this version knows.
    case incomprehensible(String)
    /// The connection ended before the stream did.
    case cut
    /// The server left events out; what was shown so far is right, what it sent after is not to be trusted.
    case gap(expected: Int, found: Int)

    /// Whether the same call may succeed a little later.
    public var isTransient: Bool {
        switch self {
        case .unreachable(let error):
            switch error.kind {
            case .dns, .connect, .timedOut, .reset, .staleConnection, .truncated, .other: true
            case .tls, .protocolError, .cancelled, .invalidURL, .invalidRequest: false
            }
        case .refused(let problem): [408, 429, 502, 503, 504].contains(problem.status)
        case .cut, .gap: true
        case .incomprehensible: false
        }
    }

    /// How long the server asks to be left alone.
    var retryAfter: Duration? {
        guard case .refused(let problem) = self else { return nil }
        return problem.retryAfter
    }
}

extension ClientError: CustomStringConvertible {
    /// A sentence without a full stop, fit for people.
    public var description: String {
        switch self {
        case .unreachable(let error) where error.kind == .cancelled: "stopped before the server had answered"
        case .unreachable(let error): "the server cannot be reached: \(error)"
        case .refused(let problem): problem.detail
        case .incomprehensible(let what): "this does not look like a Medstream server: \(what)"
        case .cut: "the connection was lost"
        case .gap(let expected, let found): "events are missing: \(expected) was expected, \(found) came"
        }
    }
}

/// An error as the server tells it: problem details (RFC 9457) with a stable code.
public struct Problem: Sendable, Hashable {
    public var status: Int
    /// Stable, for programs; `http_<status>` where the answer carried no problem details.
    public var code: String
    /// For people.
    public var detail: String
    public var retryAfter: Duration?

    init(_ status: Int, _ headers: IncomingHeaders, _ body: [UInt8]) {
        let json = try? JSONValue(parsing: body)
        self.status = status
        code = json?["code"]?.string ?? "http_\(status)"
        detail = json?["detail"]?.string ?? json?["title"]?.string ?? "the server answered with status \(status)"
        retryAfter = headers["Retry-After"].flatMap(Int.init).map { .seconds(min(max($0, 0), 3600)) }
    }
}
