package import Core
package import HTTPClient
internal import Hashing

/// Signs requests as Amazon asks for it: Signature Version 4 (AWS Identity and Access Management user guide, "Create a
/// signed AWS API request").
///
/// libcurl has a signer too, but that of version 7.88 takes the path as it stands, where it must be encoded once more:
/// with the colon that most model ids have, its signatures are wrong.
package struct RequestSigner: Sendable {
    private let keys: AccessKeys
    /// Such as `eu-central-1`.
    private let region: String
    private let service: String

    private static let algorithm = "AWS4-HMAC-SHA256"

    package init(_ keys: AccessKeys, region: String, service: String = "bedrock") {
        self.keys = keys
        self.region = region
        self.service = service
    }

    /// The request with a date and a signature, which Amazon takes for about five minutes.
    ///
    /// A request that carries an authorization already stays as it is. Signed are host, date, content type, session
    /// token and body: nothing that a proxy may change on the way.
    package func signed(_ request: OutgoingRequest, at moment: Timestamp) -> OutgoingRequest {
        guard request.header("authorization") == nil else { return request }
        var request = request
        request.headers.append((name: "X-Amz-Date", value: Self.date(of: moment)))
        if let token = keys.sessionToken {
            request.headers.append((name: "X-Amz-Security-Token", value: token.reveal()))
        }
        request.headers.append((name: "Authorization", value: authorization(of: request, at: moment)))
        return request
    }

    /// Such as `20261121T070509Z`.
    private static func date(of moment: Timestamp) -> String {
        moment.description.prefix(19).filter { $0 != "-" && $0 != ":" } + "Z"
    }

    private func authorization(of request: OutgoingRequest, at moment: Timestamp) -> String {
        let names = Self.signedHeaders(of: request).map(\.name).joined(separator: ";")
        let text = stringToSign(for: request, at: moment)
        let signature = HMACSHA256.code(of: text.utf8Span.span, key: signingKey(at: moment).span).hexadecimal
        let credential = "\(keys.id.reveal())/\(scope(at: moment))"
        return "\(Self.algorithm) Credential=\(credential), SignedHeaders=\(names), Signature=\(signature)"
    }

    /// What is signed: a hash of the canonical request, with date and scope.
    package func stringToSign(for request: OutgoingRequest, at moment: Timestamp) -> String {
        let hash = SHA256.hex(of: Self.canonicalRequest(request))
        return [Self.algorithm, Self.date(of: moment), scope(at: moment), hash].joined(separator: "\n")
    }

    private func scope(at moment: Timestamp) -> String {
        "\(Self.date(of: moment).prefix(8))/\(region)/\(service)/aws4_request"
    }

    private func signingKey(at moment: Timestamp) -> [UInt8] {
        scope(at: moment).split(separator: "/").reduce(Array("AWS4\(keys.secret.reveal())".utf8)) { key, part in
            HMACSHA256.code(of: Array(part.utf8).span, key: key.span)
        }
    }

    /// The request in the one form that both sides compute.
    package static func canonicalRequest(_ request: OutgoingRequest) -> String {
        let headers = signedHeaders(of: request)
        let target = Target(of: request)
        let lines = headers.map { "\($0.name):\($0.value)\n" }.joined()
        return [
            request.method, target.path.percentEncoded(keeping: "/"), target.query, lines,
            headers.map(\.name).joined(separator: ";"), SHA256.hex(of: request.body.span),
        ].joined(separator: "\n")
    }

    /// Names in lower case and in order, values without needless spaces.
    private static func signedHeaders(of request: OutgoingRequest) -> [(name: String, value: String)] {
        let host = request.header("host") ?? Target(of: request).host
        let others = ["content-type", "x-amz-date", "x-amz-security-token"].compactMap { name in
            request.header(name).map { (name: name, value: $0) }
        }
        return (others + [(name: "host", value: host)]).sorted { $0.name < $1.name }.map { header in
            (name: header.name, value: header.value.split(whereSeparator: \.isWhitespace).joined(separator: " "))
        }
    }
}

/// The parts of a URL that are signed.
private struct Target {
    /// With the port unless it is the scheme's own, as libcurl sends it.
    let host: String
    /// As it is sent.
    let path: String
    let query: String

    init(of request: OutgoingRequest) {
        let isSecure = request.url.hasPrefix("https:")
        let rest = request.url.firstRange(of: "://").map { request.url[$0.upperBound...] } ?? request.url[...]
        let authority = rest.prefix { !"/?".contains($0) }
        let standard = isSecure ? ":443" : ":80"
        host = String(authority.hasSuffix(standard) ? authority.dropLast(standard.count) : authority)
        let target = rest.dropFirst(authority.count)
        let path = target.prefix { $0 != "?" }
        self.path = path.isEmpty ? "/" : String(path)
        query = String(target.dropFirst(path.count + 1))
    }
}

extension OutgoingRequest {
    /// The value of the first header of that name, which is given in lower case.
    fileprivate func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name }?.value
    }
}
