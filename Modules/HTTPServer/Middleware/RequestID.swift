/// Gives each request a name that stands in its answer and in every log line about it.
///
/// A caller's `X-Request-Id` is kept when it is 1 to 64 letters, digits, `-`, `_` or `.`; anything else could forge logs.
///
/// - Parameter make: makes a new name.
/// - Returns: the middleware.
public func requestID(make: @escaping @Sendable () -> String) -> Middleware {
    { request, next in
        var request = request
        let offered = request.headers["x-request-id"] ?? ""
        request.id = isWellFormed(offered) ? offered : make()
        var response = try await next(request)
        response.headers["X-Request-Id"] = request.id
        return response
    }
}

private func isWellFormed(_ id: String) -> Bool {
    (1...64).contains(id.utf8.count)
        && id.utf8.allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
}
