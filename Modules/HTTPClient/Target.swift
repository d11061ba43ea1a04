/// Where a request goes, and the proof that it can be sent as it stands.
struct Target {
    /// Host and port as they stand in the URL, without user and password; safe to show.
    let host: String

    /// - Throws: `invalidURL` for what is no absolute `http` or `https` URL; `invalidRequest` for a method or a header
    ///   that would change the request's shape on the wire (RFC 9110 sections 5.1, 5.5 and 9.1).
    init(of request: OutgoingRequest) throws(HTTPClientError) {
        guard let host = Self.host(of: request.url) else { throw HTTPClientError(.invalidURL) }
        self.host = host
        guard Self.isToken(request.method) else { throw HTTPClientError(.invalidRequest, host: host) }
        for header in request.headers {
            // Tab is the one control character a value may hold.
            let isValueSafe = header.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
            guard Self.isToken(header.name), isValueSafe else { throw HTTPClientError(.invalidRequest, host: host) }
        }
    }

    private static func host(of url: String) -> String? {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else { return nil }
        guard ["http", "https"].contains(url[..<colon].lowercased()) else { return nil }
        let rest = url[colon...].dropFirst(3)
        let authority = rest.prefix { !"/?#\\".contains($0) }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        return host.isEmpty ? nil : String(host)
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isTokenCharacter)
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
