import HTTPServer
import Reactor
import TestSupport
import Testing

/// Runs a server and ends it with the test, on loops that all tests share unless it keeps a loop busy.
func withServer<Value: Sendable>(
    loops: Int = 1, isBusy: Bool = false, _ change: (inout HTTPServerSettings) -> Void = { _ in },
    handler: @escaping Handler = echo, _ body: (HTTPServer) async throws -> Value
) async throws -> Value {
    var settings = HTTPServerSettings()
    settings.port = 0
    settings.threads = loops
    change(&settings)
    let server = try await HTTPServer(
        settings, on: (isBusy ? busyLoops : sharedLoops).prefix(loops).map(\.loop), handler: handler)
    let result: Result<Value, any Error>
    do {
        result = .success(try await body(server))
    } catch {
        result = .failure(error)
    }
    await server.close()
    #expect(await server.connectionCount == 0)
    return try result.get()
}

private let sharedLoops = [LoopActor(), LoopActor()]
private let busyLoops = [LoopActor(), LoopActor()]

/// Answers with what was asked: method, path and body.
let echo: Handler = { request in
    .text("\(request.method) \(request.path) \(String(decoding: request.body, as: UTF8.self))")
}

/// A request as text, with a `Host` field; further fields without line ends.
func message(
    _ method: String, _ target: String = "/", _ fields: String..., version: String = "1.1", body: String = ""
) -> String {
    let head = ["\(method) \(target) HTTP/\(version)", "Host: test"] + fields
    return head.map { $0 + "\r\n" }.joined() + "\r\n" + body
}

func get(_ target: String = "/", _ fields: String...) -> String {
    let head = ["GET \(target) HTTP/1.1", "Host: test"] + fields
    return head.map { $0 + "\r\n" }.joined() + "\r\n"
}

func post(_ target: String = "/", _ body: String) -> String {
    message("POST", target, "Content-Length: \(body.utf8.count)", body: body)
}

extension HTTPServer {
    /// A client whose first request has been answered, however short the idle time and busy the machine.
    func usedClient(_ text: String = get()) async throws -> RawClient {
        while true {
            let client = try RawClient(port: port)
            if (try? await client.ask(text))?.status == 200 { return client }
        }
    }

    /// Sends one request on a connection of its own.
    func ask(_ text: String) async throws -> RawResponse {
        let client = try RawClient(port: port)
        await client.send(text)
        let method = text.split(separator: " ").first ?? ""
        return try await client.response(to: String(method))
    }
}

extension RawClient {
    /// Sends one request and reads its answer.
    func ask(_ text: String) throws(RawClientError) -> RawResponse {
        send(text)
        return try response(to: String(text.split(separator: " ").first ?? ""))
    }
}
