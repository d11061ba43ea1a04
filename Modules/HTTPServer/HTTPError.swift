/// A failure that is answered with a status, as problem details (RFC 9457).
public struct HTTPError: Error, Sendable {
    /// The HTTP status, 400 to 599.
    public var status: Int
    /// Stable, for programs.
    public var code: String
    /// For people: what happened and what to do.
    public var message: String
    /// Sent with the answer, such as `Retry-After`.
    public var headers: Headers = [:]

    /// A failure; `message` is sent to the client and must hold nothing that the client may not see.
    public init(_ status: Int, code: String, _ message: String, headers: Headers = [:]) {
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
    }

    static func malformed(_ message: String) -> HTTPError { HTTPError(400, code: "malformed_request", message) }

    static func bodyTooLarge(limit: Int) -> HTTPError {
        HTTPError(413, code: "body_too_large", "The body is larger than \(limit) bytes.")
    }

    /// The failure as problem details, with its own header fields.
    public var response: Response {
        Response.problem(status: status, code: code, message, headers: headers)
    }
}
