/// What a handler answers.
public struct Response: Sendable {
    /// 200 to 599.
    public var status: Int
    /// Fields with control characters are left out, and those that the server alone can fill: `Content-Length`,
    /// `Transfer-Encoding`, `Date` and `Connection`, of which `close` is honoured.
    public var headers: Headers
    /// What follows the header; not sent with 204 and 304 nor to `HEAD`.
    public var body: Body
    /// Called on the loop when the last byte has gone out or the connection has ended.
    public var onFinish: [@Sendable (Summary) -> Void] = []

    /// An answer; without a body unless one is given.
    public init(_ status: Int = 200, headers: Headers = [:], body: Body = .none) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// What an answer carries.
    public enum Body: Sendable {
        /// Nothing.
        case none
        /// All of it, with its length told beforehand.
        case bytes([UInt8])
        /// Written piece by piece while the closure runs; it ends with the closure.
        ///
        /// After a thrown error what was written goes out, and the connection ends without the last chunk, so that the
        /// client can tell a cut body from a whole one. (A client of HTTP/1.0 cannot: it knows no chunks.)
        case stream(@Sendable (BodyWriter) async throws -> Void)
        /// Fetched by the connection whenever the client has room: no task waits meanwhile.
        case source(@Sendable (BodyWriter) -> any BodySource)
    }

    /// How an exchange went, for logs and metrics.
    public struct Summary: Sendable {
        /// The status that was sent, or would have been.
        public var status: Int
        /// Of the body, as sent.
        public var bytes: Int
        /// From the request's first byte to the response's last.
        public var duration: Duration
        /// Whether the client left before the end, or the writer of the body failed.
        public var isCut: Bool
    }

    /// Text in UTF-8.
    public static func text(_ text: String, status: Int = 200, type: String = "text/plain; charset=utf-8") -> Response {
        Response(status, headers: ["Content-Type": type], body: .bytes(Array(text.utf8)))
    }

    /// JSON that is already encoded.
    public static func json(_ bytes: [UInt8], status: Int = 200, headers: Headers = [:]) -> Response {
        var response = Response(status, headers: headers, body: .bytes(bytes))
        response.headers["Content-Type"] = "application/json"
        return response
    }

    /// Problem details (RFC 9457) with our two members: `code` for programs and, on bad input, `field`.
    ///
    /// `instance`: the path of what it happened to, where that is not the call itself.
    public static func problem(
        status: Int, code: String, _ message: String, field: String? = nil, instance: String? = nil,
        headers: Headers = [:]
    ) -> Response {
        var json = #"{"type":"about:blank","title":"\#(reason(of: status))","status":\#(status),"code":"#
        json += quoted(code) + #","detail":"# + quoted(message)
        if let field { json += #","field":"# + quoted(field) }
        if let instance { json += #","instance":"# + quoted(instance) }
        var response = Response(status, headers: headers, body: .bytes(Array((json + "}\n").utf8)))
        response.headers["Content-Type"] = "application/problem+json"
        response.headers["Cache-Control"] = "no-store"
        return response
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case _ where scalar.value < 0x20: quoted += " "
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// The reason phrase of a status (RFC 9110, section 15); clients must not read meaning into it.
    public static func reason(of status: Int) -> String { reasons[status] ?? "Status \(status)" }

    private static let reasons: [Int: String] = [
        100: "Continue", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 304: "Not Modified",
        400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
        406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 411: "Length Required",
        413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type", 417: "Expectation Failed",
        422: "Unprocessable Content", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
        499: "Client Closed Request", 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
        503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
        507: "Insufficient Storage",
    ]
}
