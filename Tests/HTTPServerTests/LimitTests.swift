import HTTPServer
import Reactor
import TestSupport
import Testing

@Suite("Limits and timeouts", .timeLimit(.minutes(1)))
struct LimitTests {
    /// What is refused is refused with this status, once, and the connection closed.
    private func expectRefusal(
        _ status: Int, of bytes: String, _ change: (inout HTTPServerSettings) -> Void, loops: Int = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let called = Tally()
        let handler: Handler = { request in
            called.add()
            return try await echo(request)
        }
        try await withServer(loops: loops, change, handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(bytes)
            let response = try await client.response()
            #expect(response.status == status, sourceLocation: sourceLocation)
            #expect(response["Connection"] == "close", sourceLocation: sourceLocation)
            #expect(response["Content-Type"] == "application/problem+json", sourceLocation: sourceLocation)
            #expect(try await client.rest() == [], sourceLocation: sourceLocation)
            #expect(called.value == 0, sourceLocation: sourceLocation)
        }
    }

    @Test("A header of more bytes than allowed is refused, whether or not it ends", arguments: ["", "\r\n\r\n"])
    func headerBytes(end: String) async throws {
        let head = "GET / HTTP/1.1\r\nHost: test\r\nX: " + String(repeating: "x", count: 1_000)
        try await expectRefusal(431, of: head + end) { $0.maxHeaderBytes = 1_000 }
    }

    @Test("A header of just as many bytes as allowed is taken, and one byte more is not")
    func headerBound() async throws {
        let request = get("/", "X: y")
        try await withServer({ $0.maxHeaderBytes = request.utf8.count }) { (server) async throws in
            #expect(try await server.ask(request).status == 200)
            #expect(try await server.ask(get("/", "X: yy")).status == 431)
        }
    }

    @Test("As many fields as allowed are taken, one more is refused")
    func fieldCount() async throws {
        let fields = (1...9).map { "X-\($0): \($0)" }.joined(separator: "\r\n")
        try await withServer({ $0.maxHeaders = 10 }) { (server) async throws in
            #expect(try await server.ask(get("/", fields)).status == 200)
            #expect(try await server.ask(get("/", fields, "X-10: 10")).status == 431)
        }
    }

    @Test("A URL as long as allowed is taken, one byte more is refused, and one that never ends, too")
    func url() async throws {
        try await withServer({ $0.maxURLBytes = 100 }) { (server) async throws in
            let longest = "/" + String(repeating: "a", count: 89) + "?q=3456789"
            #expect(try await server.ask(get(longest)).status == 200)
            #expect(try await server.ask(get(longest + "0")).status == 414)
        }
        try await expectRefusal(414, of: "GET /" + String(repeating: "a", count: 200)) { $0.maxURLBytes = 100 }
    }

    @Test(
        "A body of more bytes than allowed is refused before it is read",
        arguments: [
            "Content-Length: 11\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nb\r\n",
            "Transfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n5\r\n",
            "Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
        ])
    func body(rest: String) async throws {
        try await expectRefusal(413, of: "POST / HTTP/1.1\r\nHost: test\r\n" + rest) { $0.maxBodyBytes = 10 }
    }

    @Test("A body of just as many bytes as allowed is taken")
    func bodyBound() async throws {
        try await withServer({ $0.maxBodyBytes = 10 }) { (server) async throws in
            #expect(try await server.ask(post("/", "0123456789")).text == "POST / 0123456789")
            let chunks = message(
                "POST", "/", "Transfer-Encoding: chunked", body: "6\r\n012345\r\n4\r\n6789\r\n0\r\n\r\n")
            #expect(try await server.ask(chunks).text == "POST / 0123456789")
        }
    }

    @Test(
        "A header that does not come is answered with 408",
        arguments: ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: test\r\nX"])
    func slowHeader(start: String) async throws {
        try await expectRefusal(408, of: start) { $0.headerTimeout = .milliseconds(30) }
    }

    @Test("A header that trickles in gains no time by it")
    func tricklingHeader() async throws {
        try await withServer({ $0.headerTimeout = .milliseconds(60) }) { server in
            let client = try RawClient(port: server.port)
            await client.send("GET / HTTP/1.1\r\nX: ")
            while await !client.hasNews(within: 5) { await client.send("x") }
            #expect(try await client.response().status == 408)
        }
    }

    @Test("A second request's header has its own time, from its first byte")
    func slowSecondHeader() async throws {
        try await withServer({ $0.headerTimeout = .milliseconds(30) }) { server in
            let client = try RawClient(port: server.port)
            #expect(try await client.ask(get() + "GET /").status == 200)
            #expect(try await client.response().status == 408)
        }
    }

    @Test(
        "A body that does not come is answered with 408",
        arguments: [
            "Content-Length: 5\r\n\r\n", "Content-Length: 5\r\n\r\nhell", "Transfer-Encoding: chunked\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n",
        ])
    func slowBody(rest: String) async throws {
        try await expectRefusal(408, of: "POST / HTTP/1.1\r\nHost: test\r\n" + rest) {
            $0.bodyTimeout = .milliseconds(30)
        }
    }

    @Test("A body that trickles in gains no time by it")
    func tricklingBody() async throws {
        try await withServer({ $0.bodyTimeout = .milliseconds(60) }) { server in
            let client = try RawClient(port: server.port)
            await client.send(message("POST", "/", "Content-Length: 100000"))
            while await !client.hasNews(within: 5) { await client.send("x") }
            #expect(try await client.response().status == 408)
        }
    }

    @Test("An idle connection is closed without a word, fresh or used", arguments: [false, true])
    func idle(isUsed: Bool) async throws {
        try await withServer({ $0.idleTimeout = .milliseconds(500) }) { server in
            let client = try RawClient(port: server.port)
            if isUsed { #expect(try await client.ask(get()).status == 200) }
            #expect(try await client.rest() == [])
            await server.drained()
            #expect(await server.connectionCount == 0)
        }
    }

    @Test("Empty lines before a request are skipped, and do not keep a connection alive")
    func emptyLines() async throws {
        try await withServer({ $0.idleTimeout = .milliseconds(500) }) { server in
            let client = try RawClient(port: server.port)
            #expect(try await client.ask("\r\n\r\n" + get()).status == 200)
            while await !client.hasNews(within: 5) { await client.send("\r\n") }
            #expect(try await client.rest() == [])
        }
    }

    @Test("No time runs while a request is being answered")
    func slowHandler() async throws {
        let handler: Handler = { request in
            try await request.loop.sleep(for: .milliseconds(60))
            return Response(204)
        }
        let change: (inout HTTPServerSettings) -> Void = {
            ($0.idleTimeout, $0.headerTimeout) = (.milliseconds(500), .milliseconds(10))
            ($0.bodyTimeout, $0.writeTimeout) = (.milliseconds(10), .milliseconds(10))
        }
        try await withServer(change, handler: handler) { (server) async throws in
            #expect(try await server.ask(get()).status == 204)
        }
    }

    @Test("A client that does not close after the last answer is closed upon")
    func linger() async throws {
        try await withServer({ $0.lingerTimeout = .milliseconds(30) }) { server in
            let client = try RawClient(port: server.port)
            #expect(try await client.ask(get("/", "Connection: close")).status == 200)
            // Bytes that come after the last answer are thrown away and do not put off the end.
            while await server.connectionCount > 0 { await client.send("x") }
        }
    }

    @Test("Connections beyond the total get 503, and room is made by those that leave", arguments: [1, 2])
    func totalConnections(loops: Int) async throws {
        try await withServer(loops: loops, { $0.maxConnections = 2 }) { server in
            let clients = [try RawClient(port: server.port), try RawClient(port: server.port, from: "127.0.0.9")]
            for client in clients { #expect(try await client.ask(get()).status == 200) }
            let third = try RawClient(port: server.port)
            let response = try await third.response()
            #expect(response.status == 503)
            #expect(response["Retry-After"] == "1")
            #expect(response["Connection"] == "close")
            #expect(try await third.rest() == [])
            await clients[0].close()
            while try await server.ask(get()).status != 200 {}
        }
    }

    @Test("Connections of one address beyond its number get 429; another address is served", arguments: [1, 2])
    func addressConnections(loops: Int) async throws {
        try await withServer(loops: loops, { $0.maxConnectionsPerAddress = 2 }) { server in
            let clients = [try RawClient(port: server.port), try RawClient(port: server.port)]
            for client in clients { #expect(try await client.ask(get()).status == 200) }
            let response = try await server.ask(get())
            #expect(response.status == 429)
            #expect(response["Retry-After"] == "1")
            let other = try RawClient(port: server.port, from: "127.0.0.2")
            #expect(try await other.ask(get()).status == 200)
            await clients[0].close()
            while try await server.ask(get()).status != 200 {}
        }
    }

    @Test("A flood beyond the limit is cut off without an answer to each, and costs the others nothing")
    func flood() async throws {
        try await withServer({ ($0.maxConnections, $0.lingerTimeout) = (1, .seconds(60)) }) { server in
            let first = try RawClient(port: server.port)
            #expect(try await first.ask(get()).status == 200)
            let flood = try (0..<150).map { _ in try RawClient(port: server.port) }
            var answers = 0
            for client in flood {
                let bytes = try await client.rest()
                if String(decoding: bytes, as: UTF8.self).hasPrefix("HTTP/1.1 503 ") { answers += 1 }
            }
            #expect(answers == 64)
            #expect(await server.connectionCount <= 65)
            #expect(try await first.ask(get()).status == 200)
        }
    }

    @Test("A client that asks without end and reads nothing is not read without end")
    func endlessPipelining() async throws {
        let gate = Tally()
        let entered = Tally()
        let handler: Handler = { _ in
            entered.add()
            await gate.reaches(1)
            return Response(204)
        }
        try await withServer({ $0.maxHeaderBytes = 4_096 }, handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get())
            await entered.reaches(1)
            // Far more than the limit, and far less than the kernel's buffers: what is not read waits there.
            await client.send(String(repeating: get(), count: 10_000))
            while await server.waitingBytes() == 0 {}
            #expect(await server.waitingBytes() <= 4_096 + 65_536)
            gate.add()
            try await client.send([], untilReceived: "HTTP/1.1 204", times: 10_001)
        }
    }
}
