/// A failure that is answered with a status, as problem details (RFC 9457).
public struct HTTPError: Error, Sendable {
    public var status: Int
    /// Stable, for programs.
    public var code: String
    /// For people: what happened and what to do.
    public var message: String
    public var headers: Headers = [:]

    public init(_ status: Int, code: String, _ message: String, headers: Headers = [:]) {
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
    }

    static func malformed(_ message: String) -> HTTPError { HTTPError(400, code: "malformed_request", message) }

    public var response: Response {
        Response.problem(status: status, code: code, message, headers: headers)
    }
}
