import CPQ

/// Where a server is, as whom to speak to it, and how it is to prove itself: what libpq calls connection parameters.
public struct ServerAddress: Sendable {
    let parameters: [(name: String, value: String)]

    /// Whether what is said to be a connection may reach another one of the server at each transaction.
    ///
    /// Then nothing may be kept in it from one transaction to the next: no prepared statement, no advisory lock. Told by
    /// port 6543, at which Supabase has its transaction pooler, or by `pgbouncer=true` in the URL.
    public let isTransactionPooler: Bool

    /// Reads an address; opens no connection.
    ///
    /// - Parameter url: `postgresql://user:password@host:port/database?sslmode=verify-full&…` with any of libpq's
    ///   parameters, or libpq's `name=value` form. What it leaves out comes from `PGHOST` and its like, then from libpq.
    /// - Throws: ``PostgreSQLError`` of kind `address`, which tells what is wrong and not what was given.
    public init(_ url: String) throws(PostgreSQLError) {
        let (url, isPooled) = Self.takingOutPooler(url)
        guard let options = PQconninfoParse(url, nil) else {
            // What libpq says of it quotes it, with the password.
            throw .address(
                "The address is neither a URL such as postgresql://user@host:5432/database nor name=value pairs")
        }
        defer { PQconninfoFree(options) }
        var parameters = Self.usual
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                parameters[String(cString: keyword)] = String(cString: value)
            }
            option += 1
        }
        isTransactionPooler = isPooled || parameters["port"] == "6543"
        self.parameters = parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// What we ask for unless the address says otherwise.
    private static let usual = [
        "application_name": "medstream",
        // Kerberos is looked for before anything else is tried, which takes time and helps few.
        "gssencmode": "disable",
        // A host that vanished is noticed within half a minute, also by a connection that waits for nothing.
        "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3", "tcp_user_timeout": "15000",
    ]

    /// Takes `pgbouncer=…` out of a URL's query, which other clients know and libpq refuses.
    private static func takingOutPooler(_ url: String) -> (url: String, isPooled: Bool) {
        guard let mark = url.firstIndex(of: "?") else { return (url, false) }
        let items = url[url.index(after: mark)...].split(separator: "&")
        let others = items.filter { !$0.hasPrefix("pgbouncer=") }
        guard others.count < items.count else { return (url, false) }
        let rest = others.isEmpty ? "" : "?" + others.joined(separator: "&")
        return (url[..<mark] + rest, items.contains("pgbouncer=true"))
    }

    private subscript(_ name: String) -> String? { parameters.first { $0.name == name }?.value }
}

extension ServerAddress: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// User, host, port and database, and never the password.
    public var description: String {
        let host = self["host"] ?? self["hostaddr"] ?? "localhost"
        return "\(self["user"].map { "\($0)@" } ?? "")\(host):\(self["port"] ?? "5432")/\(self["dbname"] ?? "")"
    }

    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
