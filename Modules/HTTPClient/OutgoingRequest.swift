/// One HTTP request to another server.
public struct OutgoingRequest: Sendable {
    public var method: String
    /// Absolute, `http` or `https`.
    public var url: String
    /// In order; names as they shall be sent.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    public var deadlines: Deadlines

    /// Whether it makes no difference if it is sent twice (RFC 9110 section 9.2.2).
    var isIdempotent: Bool { ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"].contains(method) }

    public init(
        _ method: String, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        deadlines: Deadlines = Deadlines()
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.deadlines = deadlines
    }
}

/// How long each part of an exchange may take.
///
/// The defaults for connecting and for the whole are those of the OpenAI and Anthropic clients; a model that reasons can
/// be silent for minutes before its first byte.
public struct Deadlines: Sendable, Hashable {
    /// To a usable connection, TLS included.
    public var connect = Duration.seconds(5)
    /// From the request to the first byte of the response's body.
    public var firstByte = Duration.seconds(120)
    /// Between two reads of the body.
    public var idle = Duration.seconds(60)
    /// The whole exchange.
    public var total = Duration.seconds(600)

    public init() {}
}
