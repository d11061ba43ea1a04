/// One call of an API: a method, a pattern such as `/streams/{id}`, and who answers it.
public struct Route: Sendable {
    /// In upper case, such as `GET`.
    public var method: String
    /// Such as `/streams/{id}`: a segment in braces matches any one segment.
    public var pattern: String
    /// Finds the segments in braces in ``Request/parameters``.
    public var handler: Handler
    let segments: [Substring]

    /// A call that ``Router`` can find.
    public init(_ method: String, _ pattern: String, handler: @escaping Handler) {
        self.method = method
        self.pattern = pattern
        self.handler = handler
        segments = pattern.split(separator: "/")
    }

    /// - Returns: the values of the `{name}` segments; `nil` when the path does not fit.
    func match(_ path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (expected, found) in zip(segments, path) {
            if expected.hasPrefix("{") {
                parameters[String(expected.dropFirst().dropLast())] = found
            } else if expected != found {
                return nil
            }
        }
        return parameters
    }
}

/// Finds who answers a request.
///
/// `HEAD` is answered by the route of `GET`, `OPTIONS` by the router itself; a path known under other methods gets 405
/// with `Allow`. A pattern without `{name}` wins over one with it.
public struct Router: Sendable {
    /// In the order in which they are tried.
    public let routes: [Route]
    private let fallback: Handler
    private let middleware: [Middleware]

    /// Sorts the routes by how many of their segments are open.
    ///
    /// - Parameters:
    ///   - routes: in any order.
    ///   - middleware: stands before every answer, those of the router itself included; it sees ``Request/route``.
    ///   - fallback: answers paths that no route has; 404 by default.
    public init(_ routes: [Route], middleware: [Middleware] = [], fallback: Handler? = nil) {
        self.routes = routes.map { route in
            Route(route.method, route.pattern, handler: middleware.wrapping(route.handler))
        }.sorted { one, other in
            one.segments.count { $0.hasPrefix("{") } < other.segments.count { $0.hasPrefix("{") }
        }
        self.middleware = middleware
        self.fallback = middleware.wrapping(
            fallback ?? { _ in throw HTTPError(404, code: "not_found", "There is nothing here.") })
    }

    /// Answers with the route that fits, or with the fallback.
    ///
    /// - Throws: what the handler throws; ``HTTPError`` 405 when the path is known under other methods alone.
    public func handle(_ request: Request) async throws -> Response {
        var allowed: Set<String> = []
        for route in routes {
            guard let parameters = route.match(request.segments) else { continue }
            guard route.method == request.method || (route.method == "GET" && request.method == "HEAD") else {
                allowed.insert(route.method)
                continue
            }
            var request = request
            request.parameters = parameters
            request.route = route.pattern
            return try await route.handler(request)
        }
        if request.path == "*" { allowed = Set(routes.map(\.method)) }
        guard !allowed.isEmpty else { return try await fallback(request) }
        return try await middleware.wrapping(Self.answer(allowed))(request)
    }

    /// Answers a path that is known under other methods.
    private static func answer(_ methods: Set<String>) -> Handler {
        let methods = methods.contains("GET") ? methods.union(["HEAD"]) : methods
        let allow = (methods.sorted() + ["OPTIONS"]).joined(separator: ", ")
        return { request in
            if request.method == "OPTIONS" { return Response(204, headers: ["Allow": allow]) }
            throw HTTPError(
                405, code: "method_not_allowed", "This path takes \(allow).", headers: ["Allow": allow])
        }
    }
}

/// Something that stands between the server and a handler: it may answer itself, change the request on the way in and
/// the response on the way out.
public typealias Middleware = @Sendable (Request, Handler) async throws -> Response

extension Array where Element == Middleware {
    /// Wraps a handler; the first middleware is the outermost.
    public func wrapping(_ handler: @escaping Handler) -> Handler {
        reversed().reduce(handler) { inner, middleware in { try await middleware($0, inner) } }
    }
}
