import HTTPServer
import Reactor
import TestSupport
import Testing

@Suite("Stopping", .timeLimit(.minutes(1)))
struct DrainTests {
    @Test("Idle connections end at once, busy ones after their answer, and new ones are refused", arguments: [1, 2])
    func drain(loops: Int) async throws {
        let entered = Tally()
        let gate = Tally()
        let handler: Handler = { request in
            guard request.path == "/busy" else { return Response(204) }
            entered.add()
            await gate.reaches(1)
            return .text("done")
        }
        try await withServer(loops: loops, handler: handler) { server in
            let idle = try RawClient(port: server.port)
            #expect(try await idle.ask(get()).status == 204)
            let fresh = try RawClient(port: server.port)
            #expect(try await idle.ask(get()).status == 204)
            let busy = try RawClient(port: server.port)
            await busy.send(get("/busy") + get("/never"))
            await entered.reaches(1)
            await server.stopAccepting()
            #expect(try await idle.rest() == [])
            #expect(try await fresh.rest() == [])
            #expect(throws: RawClientError.refused) { try RawClient(port: server.port) }
            #expect(await server.connectionCount == 1)
            gate.add()
            let response = try await busy.response()
            #expect(response.text == "done")
            #expect(response["Connection"] == "close")
            #expect(try await busy.rest() == [])
            await busy.close()
            await server.drained()
            #expect(await server.connectionCount == 0)
        }
    }

    @Test("A request whose header or body is on its way is still answered", arguments: [20, 52, 60])
    func halfSent(cut: Int) async throws {
        try await withServer({ ($0.headerTimeout, $0.bodyTimeout) = (.seconds(60), .seconds(60)) }) { server in
            let bytes = Array(message("POST", "/", "Content-Length: 20", body: String(repeating: "x", count: 20)).utf8)
            #expect(bytes.count > 60)
            let client = try RawClient(port: server.port)
            await client.send(Array(bytes[..<cut]))
            try await wait(while: await server.startedRequests() == 0)
            await server.stopAccepting()
            await client.send(Array(bytes[cut...]))
            let response = try await client.response()
            #expect(response.status == 200)
            #expect(response["Connection"] == "close")
        }
    }

    @Test("A server without connections is drained already")
    func nothingToDrain() async throws {
        try await withServer(loops: 2) { server in
            await server.drained()
            await server.stopAccepting()
            await server.drained()
        }
    }

    @Test("Closing ends streams at once and cancels their writers")
    func close() async throws {
        let cancelled = Tally()
        let handler: Handler = { request in
            Response(
                body: .stream { writer in
                    try await writer.write([65])
                    do {
                        try await request.loop.sleep(for: .seconds(3_600))
                    } catch {
                        cancelled.add()
                        throw error
                    }
                })
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get())
            _ = try await client.receive(until: "A\r\n")
            await server.close()
            await cancelled.reaches(1)
            #expect(try await client.rest() == [])
            await server.drained()
            await server.close()
        }
    }

    @Test("A port in use is refused before anything is started")
    func portInUse() async throws {
        try await withServer { server in
            let error = await #expect(throws: SocketError.self) {
                try await withServer({ $0.port = server.port }) { _ in }
            }
            #expect(error?.description.contains("Address already in use") == true)
        }
    }

    @Test("A server that nobody holds any more stops listening")
    func letGo() async throws {
        var settings = HTTPServerSettings()
        (settings.port, settings.idleTimeout) = (0, .milliseconds(60))
        var server: HTTPServer? = try await HTTPServer(settings, on: [LoopActor().loop], handler: echo)
        let port = try #require(server?.port)
        _ = try await server?.usedClient()
        server = nil
        var isRefused = false
        while !isRefused {
            do throws(RawClientError) { _ = try await RawClient(port: port).rest() } catch {
                isRefused = error == .refused
            }
        }
    }
}
