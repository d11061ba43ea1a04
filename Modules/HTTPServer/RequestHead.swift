/// What stands before the body of a request, as the parser read it.
struct RequestHead {
    var method = ""
    var target = ""
    var headers = Headers()
    var isHTTP11 = true
    var keepsAlive = true
    /// `nil` when there is no body or it comes in chunks.
    var contentLength: Int?
    var isChunked = false

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110, section 10.1.1).
    var expectsContinue: Bool { isHTTP11 && headers["expect"] != nil }

    /// Checks all that can be refused before the body is read.
    ///
    /// A target in absolute form overrides the `Host` field (RFC 9112, section 3.2.2).
    /// - Throws: ``HTTPError`` with the status that names the fault.
    mutating func target(within settings: HTTPServerSettings) throws(HTTPError) -> Target {
        guard target.utf8.count <= settings.maxURLBytes else { throw HeadScanner.Refusal.urlTooLong.error }
        guard method != "CONNECT" else {
            // After a CONNECT a proxy takes all that follows for a tunnel, where we would see requests.
            throw HTTPError(501, code: "method_unknown", "This server is no proxy.")
        }
        let target = try Target(target, method: method)
        let hosts = headers.values("host")
        guard hosts.count == 1 || (hosts.isEmpty && !isHTTP11) else {
            throw HTTPError.malformed("A request carries exactly one Host field.")
        }
        guard hosts.allSatisfy(Target.isAuthority) else { throw HTTPError.malformed("The Host field names no host.") }
        if let authority = target.authority { headers["host"] = authority }
        if let contentLength, contentLength > settings.maxBodyBytes {
            throw HTTPError.bodyTooLarge(limit: settings.maxBodyBytes)
        }
        if let expectation = headers["expect"], !Headers.same(expectation, "100-continue") {
            throw HTTPError(417, code: "expectation", "Only the expectation '100-continue' is understood.")
        }
        return target
    }
}
