/// Lets pages of the named origins call us (Fetch standard, section 3.2), and refuses state-changing calls of others.
///
/// A browser sends `Origin` with every call that can change something. One that is neither ours nor allowed is refused
/// outright: reading the answer is not what does the harm. What turns errors into answers stands inside of this one, so
/// that a page of an allowed origin can read those, too.
///
/// - Parameter allowed: the origins; read for each request, so that a reload takes effect.
/// - Returns: the middleware.
public func crossOrigin(allowed: @escaping @Sendable () -> [String]) -> Middleware {
    { request, next in
        guard let origin = request.headers["origin"] else { return try await next(request) }
        let isAllowed = allowed().contains(origin)
        guard isAllowed || isOwn(origin, request) else {
            let reads = ["GET", "HEAD", "OPTIONS"].contains(request.method)
            guard reads else {
                return .problem(
                    status: 403, code: "origin_not_allowed", "Pages of this origin may not call this server.")
            }
            return try await next(request)
        }
        var response: Response
        if request.method == "OPTIONS", request.headers["access-control-request-method"] != nil {
            response = Response(204)
            response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, PATCH, DELETE"
            response.headers["Access-Control-Allow-Headers"] =
                "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id"
            response.headers["Access-Control-Max-Age"] = "600"
        } else {
            response = try await next(request)
        }
        guard isAllowed else { return response }
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "X-Request-Id, Retry-After, Location"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers.append("Vary", "Origin")
        return response
    }
}

private func isOwn(_ origin: String, _ request: Request) -> Bool {
    guard let host = request.headers["host"] else { return false }
    return origin == "http://\(host)" || origin == "https://\(host)"
}
