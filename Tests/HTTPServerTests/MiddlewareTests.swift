import HTTPServer
import TestSupport
import Testing

@Suite("Middleware", .timeLimit(.minutes(1)))
struct MiddlewareTests {
    @Test("The first stands outermost: it sees the request first and the answer last")
    func order() async throws {
        func mark(_ name: String) -> Middleware {
            { request, next in
                var request = request
                request.headers.append("X-Way", "in \(name)")
                var response = try await next(request)
                response.headers.append("X-Way", "out \(name)")
                return response
            }
        }
        let handler: Handler = { .text($0.headers.values("x-way").joined(separator: ", ")) }
        try await withServer(handler: [mark("a"), mark("b"), mark("c")].wrapping(handler)) { server in
            let response = try await server.ask(get())
            #expect(response.text == "in a, in b, in c")
            #expect(response.headers.filter { $0.name == "X-Way" }.map(\.value) == ["out c", "out b", "out a"])
        }
    }

    @Test("One that answers itself keeps the handler from being called")
    func short() async throws {
        let called = Tally()
        let stop: Middleware = { _, _ in throw HTTPError(403, code: "no", "No.") }
        let handler: Handler = { _ in
            called.add()
            return Response(200)
        }
        try await withServer(handler: [stop].wrapping(handler)) { (server) async throws in
            #expect(try await server.ask(get()).status == 403)
            #expect(called.value == 0)
        }
    }

    @Test(
        "A request keeps the name its caller gave it",
        arguments: ["a", "0190f2b4-1c2d-7abc-8def-0123456789ab", "A_b.c-9", String(repeating: "x", count: 64)])
    func goodRequestID(id: String) async throws {
        try await withServer(handler: [requestID { "made" }].wrapping { .text($0.id) }) { server in
            let response = try await server.ask(get("/", "X-Request-Id: \(id)"))
            #expect(response.text == id)
            #expect(response["X-Request-Id"] == id)
        }
    }

    @Test(
        "A name that could forge a log line is replaced",
        arguments: [
            "", "a b", "a\tb", "{\"level\":\"error\"}", "é", "a;b", "a\"b", "<script>",
            String(repeating: "x", count: 65),
        ])
    func forgedRequestID(id: String) async throws {
        try await withServer(handler: [requestID { "made" }].wrapping { .text($0.id) }) { server in
            let response = try await server.ask(get("/", "X-Request-Id: \(id)"))
            #expect(response.text == "made")
            #expect(response["X-Request-Id"] == "made")
        }
    }

    @Test("Every answer tells browsers what pages may do, and a handler may say otherwise")
    func security() async throws {
        let handler: Handler = { request in
            request.path == "/own" ? Response(headers: ["content-security-policy": "sandbox"]) : .text("x")
        }
        try await withServer(handler: [securityHeaders()].wrapping(handler)) { server in
            let response = try await server.ask(get())
            #expect(response["X-Content-Type-Options"] == "nosniff")
            #expect(response["X-Frame-Options"] == "DENY")
            #expect(response["Referrer-Policy"] == "no-referrer")
            let policy = try #require(response["Content-Security-Policy"])
            #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
            #expect(!policy.contains("unsafe"))
            #expect(try await server.ask(get("/own"))["Content-Security-Policy"] == "sandbox")
        }
    }

    struct Call: Sendable, CustomTestStringConvertible {
        var method: String
        var fields: [String]
        var status: Int
        var allowed: String?

        var testDescription: String { "\(method) \(fields)" }
    }

    @Test(
        "Pages of other origins can read what is allowed, and change nothing otherwise",
        arguments: [
            Call(method: "GET", fields: [], status: 200),
            Call(method: "GET", fields: ["Origin: https://app.test"], status: 200, allowed: "https://app.test"),
            Call(method: "POST", fields: ["Origin: https://app.test"], status: 200, allowed: "https://app.test"),
            Call(method: "GET", fields: ["Origin: https://evil.test"], status: 200),
            Call(method: "POST", fields: ["Origin: https://evil.test"], status: 403),
            Call(method: "POST", fields: ["Origin: https://app.test.evil.test"], status: 403),
            Call(method: "POST", fields: ["Origin: http://app.test"], status: 403),
            Call(method: "POST", fields: ["Origin: null"], status: 403),
            Call(method: "POST", fields: ["Origin: http://test"], status: 200),
            Call(method: "POST", fields: ["Origin: https://test"], status: 200),
            Call(method: "DELETE", fields: ["Origin: https://evil.test"], status: 403),
            Call(method: "POST", fields: [], status: 200),
            Call(
                method: "OPTIONS", fields: ["Origin: https://app.test", "Access-Control-Request-Method: POST"],
                status: 204, allowed: "https://app.test"),
            Call(
                method: "OPTIONS", fields: ["Origin: https://evil.test", "Access-Control-Request-Method: POST"],
                status: 200),
        ])
    func otherSites(call: Call) async throws {
        let handler = [crossOrigin { ["https://app.test"] }].wrapping { _ in .text("x") }
        try await withServer(handler: handler) { server in
            let fields = call.fields.joined(separator: "\r\n")
            let response = try await server.ask(
                fields.isEmpty ? message(call.method) : message(call.method, "/", fields))
            #expect(response.status == call.status)
            #expect(response["Access-Control-Allow-Origin"] == call.allowed)
            #expect((response["Vary"] == "Origin") == (call.allowed != nil))
            let isPreflight = call.method == "OPTIONS" && call.allowed != nil
            #expect((response["Access-Control-Allow-Methods"] != nil) == isPreflight)
            #expect(response["Access-Control-Allow-Credentials"] == nil)
        }
    }
}
