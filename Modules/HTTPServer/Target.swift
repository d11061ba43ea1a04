/// What a request line asks for, taken apart and made safe.
struct Target {
    var path: String
    var segments: [String]
    var query: Query
    /// From an absolute-form target (RFC 9112, section 3.2.2).
    var authority: String?

    /// - Throws: ``HTTPError`` 400 when the text is not ASCII; when a segment is `.`, `..` or empty between others, when
    ///   an encoded separator or a control character hides in one, or when one is no valid encoding of UTF-8.
    init(_ text: String, method: String) throws(HTTPError) {
        // Swift compares characters, not bytes: a combining mark after a slash would hide the slash.
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw HTTPError.malformed("A request target holds visible ASCII characters alone.")
        }
        if method == "OPTIONS", text == "*" {
            (path, segments, query, authority) = ("*", [], Query(""), nil)
            return
        }
        var rest = Substring(text)
        if !rest.hasPrefix("/") {
            guard let scheme = ["http://", "https://"].first(where: { rest.lowercased().hasPrefix($0) }) else {
                throw HTTPError.malformed("The request target must start with '/'.")
            }
            rest = rest.dropFirst(scheme.count)
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            let host = String(rest[..<end])
            guard Self.isAuthority(host) else { throw HTTPError.malformed("The request target names no host.") }
            authority = host
            rest = rest[end...]
            if !rest.hasPrefix("/") { rest = "/" + rest }
        }
        guard !rest.contains("#") else { throw HTTPError.malformed("A request target has no fragment.") }
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        query = Query(parts.count > 1 ? parts[1] : "")
        segments = []
        var names = parts[0].split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        // A trailing slash is the same page; "//" in the middle is not.
        if names.last == "" { names.removeLast() }
        for name in names {
            guard let segment = PercentEncoding.decoded(Array(name.utf8)), Self.isSafe(segment) else {
                throw HTTPError.malformed("The path holds a segment that is not allowed.")
            }
            segments.append(segment)
        }
        path = "/" + segments.joined(separator: "/")
    }

    private static func isSafe(_ segment: String) -> Bool {
        guard !segment.isEmpty, segment != ".", segment != ".." else { return false }
        return segment.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != 0x2F && $0 != 0x5C }
    }

    /// Whether the text is a host with or without a port, and nothing else (RFC 3986, section 3.2); no user name.
    static func isAuthority(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                switch $0 {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
                case UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"): true
                default: false
                }
            }
    }
}
