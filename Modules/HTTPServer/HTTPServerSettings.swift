/// The bounds of an HTTP server; every one has an error of its own when it is passed.
public struct HTTPServerSettings: Sendable {
    /// The address to listen on: IPv4, IPv6, or `localhost`.
    public var host = "127.0.0.1"
    /// 0 picks a free port.
    public var port = 8080
    /// Event loops, each on a thread of its own.
    public var threads = 1
    /// Over all loops; past it 503.
    public var maxConnections = 10_000
    /// Counted by remote address, past it 429; raise it behind a reverse proxy, which is one address.
    public var maxConnectionsPerAddress = 1_024
    /// Request line and header fields together; past it 431.
    public var maxHeaderBytes = 16 * 1024
    /// Header fields of a request; past it 431.
    public var maxHeaders = 100
    /// Path and query; past it 414.
    public var maxURLBytes = 8 * 1024
    /// Of a request's body, declared or in chunks; past it 413.
    public var maxBodyBytes = 1 << 20
    /// Bytes waiting for a slow reader before the writer of its answer is suspended.
    public var maxOutputBytes = 64 * 1024
    /// From the first byte of a request to the end of its header; past it 408.
    public var headerTimeout = Duration.seconds(10)
    /// From the end of the header to the end of the body; past it 408.
    public var bodyTimeout = Duration.seconds(30)
    /// Between two requests of a connection; past it the connection is closed.
    public var idleTimeout = Duration.seconds(75)
    /// Without the reader taking a byte that waits for it; past it the connection is closed.
    public var writeTimeout = Duration.seconds(30)
    /// Given to running requests at shutdown.
    public var drainTimeout = Duration.seconds(20)
    /// Origins that browsers may call from, such as `https://app.example.org`; empty allows none but our own.
    public var allowedOrigins: [String] = []

    /// After the last answer of a connection, for the client to read it and close; past it we close.
    package var lingerTimeout = Duration.seconds(2)

    /// The defaults.
    public init() {}
}
