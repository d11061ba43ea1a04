/// Where a Medstream server is, such as `http://127.0.0.1:8080`; a path may follow, for a server behind a prefix.
public struct ServerAddress: Sendable, Hashable, LosslessStringConvertible {
    /// Without a slash at its end.
    public let description: String

    /// - Returns: `nil` unless `text` is an absolute `http` or `https` URL with a host, and without blanks, query and
    ///   fragment.
    public init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), ["http", "https"].contains(text[..<colon].lowercased()),
            text[colon...].hasPrefix("://"), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            !text.contains("?"), !text.contains("#")
        else { return nil }
        var rest = text[colon...].dropFirst(3)
        guard let first = rest.first, first != "/", first != ":" else { return nil }
        while rest.hasSuffix("/") { rest.removeLast() }
        description = "\(text[..<colon].lowercased())://\(rest)"
    }

    /// The URL of an API call; `path` begins with a slash and stands below `/api/v1`.
    func url(_ path: String) -> String { "\(description)/api/v1\(path)" }
}
