import HTTPServer
import TestSupport
import Testing

@Suite("Routes", .timeLimit(.minutes(1)))
struct RoutingTests {
    private static let router = Router([
        Route("GET", "/items/{id}") { .text("item \(try $0.parameter("id", as: Int.self))") },
        Route("DELETE", "/items/{id}") { .text("deleted \(try $0.parameter("id", as: Int.self))") },
        Route("GET", "/items/new") { _ in .text("form") },
        Route("GET", "/people/{name}/{part}") { request in
            .text(
                "\(try request.parameter("name", as: String.self))|\(request.parameters["part"] ?? "")|\(request.route)"
            )
        },
        Route("GET", "/search") { request in
            .text("\(request.query["q"] ?? "-")|\(request.query["empty"] ?? "-")|\(request.query["none"] ?? "-")")
        },
        Route("POST", "/search") { .text(String(decoding: $0.body, as: UTF8.self)) },
        Route("GET", "/") { _ in .text("root") },
    ])

    private static let handler: Handler = { try await router.handle($0) }

    @Test(
        "A path finds its route, with decoded and typed values",
        arguments: [
            ("/", "root"), ("/?", "root"), ("/items/42", "item 42"), ("/items/-7", "item -7"),
            ("/items/42/", "item 42"),
            ("/items/%34%32", "item 42"), ("/items/new", "form"),
            ("/people/J%C3%BCrgen%20M/a+b", "Jürgen M|a+b|/people/{name}/{part}"),
            ("/people/%E8%83%B8/%25", "胸|%|/people/{name}/{part}"),
            ("/people/a%3Fb/%23", "a?b|#|/people/{name}/{part}"),
            ("/people/.../..x", "...|..x|/people/{name}/{part}"),
            ("/search?q=chest+pain%21&empty=", "chest pain!||-"), ("/search?q=1&q=2", "1|-|-"),
            ("/search?q=%zz", "%zz|-|-"), ("/search?q=a%00b", "a\0b|-|-"), ("/search?q=a=b&&empty", "a=b||-"),
            ("/search?q=/../x", "/../x|-|-"), ("http://other/items/1", "item 1"), ("HTTP://other?x", "root"),
        ])
    func found(target: String, text: String) async throws {
        try await withServer(handler: Self.handler) { server in
            let response = try await server.ask(get(target))
            #expect(response.status == 200)
            #expect(response.text == text)
        }
    }

    @Test(
        "A path without a route, and a value of the wrong form, are not found",
        arguments: [
            "/nothing", "/items", "/items/abc", "/items/1.5", "/items/99999999999999999999", "/items/1/2", "/ITEMS/1",
        ])
    func notFound(target: String) async throws {
        try await withServer(handler: Self.handler) { server in
            let response = try await server.ask(get(target))
            #expect(response.status == 404)
            #expect(response["Content-Type"] == "application/problem+json")
            #expect(response.text.contains(#""code":"not_found""#))
        }
    }

    @Test("A known path under another method gets 405 with the methods it takes")
    func wrongMethod() async throws {
        try await withServer(handler: Self.handler) { server in
            let client = try RawClient(port: server.port)
            let item = try await client.ask(message("PATCH", "/items/1"))
            #expect(item.status == 405)
            #expect(item["Allow"] == "DELETE, GET, HEAD, OPTIONS")
            // The closed pattern takes GET alone, and the open one beside it DELETE.
            let form = try await client.ask(message("DELETE", "/items/new"))
            #expect(form.status == 404)
            let search = try await client.ask(message("DELETE", "/search"))
            #expect(search["Allow"] == "GET, HEAD, POST, OPTIONS")
            #expect(try await client.ask(get("/search")).status == 200)
        }
    }

    @Test("OPTIONS tells the methods of a path and of the server")
    func options() async throws {
        try await withServer(handler: Self.handler) { server in
            let client = try RawClient(port: server.port)
            let path = try await client.ask(message("OPTIONS", "/search"))
            #expect(path.status == 204)
            #expect(path["Allow"] == "GET, HEAD, POST, OPTIONS")
            let all = try await client.ask(message("OPTIONS", "*"))
            #expect(all.status == 204)
            #expect(all["Allow"]?.contains("POST") == true)
            #expect(try await client.ask(message("OPTIONS", "/nothing")).status == 404)
        }
    }

    @Test("HEAD is answered by the route of GET")
    func head() async throws {
        try await withServer(handler: Self.handler) { server in
            let client = try RawClient(port: server.port)
            let response = try await client.ask(message("HEAD", "/items/42"))
            #expect(response.status == 200)
            #expect(response["Content-Length"] == "7")
            #expect(try await client.ask(message("HEAD", "/nothing")).status == 404)
        }
    }

    @Test("The target's host stands over the Host field")
    func absoluteForm() async throws {
        try await withServer(handler: { .text($0.headers["host"] ?? "") }) { (server) async throws in
            #expect(try await server.ask(get("http://target:8080/x")).text == "target:8080")
            #expect(try await server.ask(get("/x")).text == "test")
        }
    }
}
