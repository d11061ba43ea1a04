import HTTPServer
import TestSupport
import Testing

/// Each case with the status it gets and the connection's fate.
@Suite("Hostile requests", .timeLimit(.minutes(1)))
struct HardeningTests {
    @Test("Lengths", arguments: HardenedCase.lengths)
    func lengths(_ hostile: HardenedCase) async throws { try await check(hostile) }

    @Test("Transfer codings", arguments: HardenedCase.codings)
    func codings(_ hostile: HardenedCase) async throws { try await check(hostile) }

    @Test("Chunks", arguments: HardenedCase.chunks)
    func chunks(_ hostile: HardenedCase) async throws { try await check(hostile) }

    @Test("Fields and hosts", arguments: HardenedCase.heads)
    func heads(_ hostile: HardenedCase) async throws { try await check(hostile) }

    @Test("Targets", arguments: HardenedCase.targets)
    func targets(_ hostile: HardenedCase) async throws { try await check(hostile) }

    @Test("Request lines and other protocols", arguments: HardenedCase.lines)
    func lines(_ hostile: HardenedCase) async throws { try await check(hostile) }

    /// A good request follows the hostile one in the same bytes: where that is refused it must not be seen, where it is
    /// in order both must be answered.
    private func check(_ hostile: HardenedCase) async throws {
        let paths = Journal<String>()
        let handler: Handler = { request in
            paths.add(request.path)
            return Response(200)
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(hostile.bytes + Array(get("/follows").utf8))
            let response = try await client.response()
            #expect(response.status == hostile.status, "\(response.text)")
            switch hostile.fate {
            case .closes:
                #expect(response["Connection"] == "close")
                #expect(response["Content-Type"] == "application/problem+json")
                #expect(try await client.rest() == [])
                #expect(paths.all == [])
            case .goesOn:
                #expect(response["Connection"] == nil || response["Connection"] == "keep-alive")
                #expect(try await client.response().status == 200)
                #expect(paths.all.count == 2 && paths.all.last == "/follows")
            }
            // Neither fate touches other connections.
            #expect(try await server.ask(get("/other")).status == 200)
        }
    }
}
