import Foundation
import HTTPServer
import Reactor
import TestSupport
import Testing

@Suite("Requests and answers", .timeLimit(.minutes(1)))
struct ExchangeTests {
    @Test("A connection is kept for one request after the other", arguments: [1, 2])
    func keepAlive(loops: Int) async throws {
        try await withServer(loops: loops) { server in
            let client = try RawClient(port: server.port)
            for number in 1...3 {
                let response = try await client.ask(post("/\(number)", "body \(number)"))
                #expect(response.status == 200)
                #expect(response.text == "POST /\(number) body \(number)")
                #expect(response["Connection"] == nil)
                #expect(response["Date"]?.hasSuffix(" GMT") == true)
            }
            #expect(await server.connectionCount == 1)
        }
    }

    @Test("Many connections at once each get their own answers", arguments: [1, 2])
    func manyConnections(loops: Int) async throws {
        try await withServer(loops: loops) { server in
            try await withThrowingTaskGroup { group in
                for number in 0..<64 {
                    group.addTask {
                        let client = try RawClient(port: server.port)
                        for part in 0..<3 {
                            #expect(try await client.ask(get("/\(number)/\(part)")).text == "GET /\(number)/\(part) ")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("Pipelined requests are answered in their order, however long the first takes", arguments: [1, 2])
    func pipelining(loops: Int) async throws {
        let isSecondSent = Tally()
        let handler: Handler = { request in
            if request.path == "/slow" { await isSecondSent.reaches(1) }
            return try await echo(request)
        }
        try await withServer(loops: loops, handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get("/slow") + post("/two", "2"))
            await client.send(
                message("POST", "/three", "Transfer-Encoding: chunked", body: "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"))
            await client.send(message("HEAD", "/four") + get("/five"))
            isSecondSent.add()
            #expect(try await client.response().text == "GET /slow ")
            #expect(try await client.response().text == "POST /two 2")
            #expect(try await client.response().text == "POST /three abc")
            #expect(try await client.response(to: "HEAD")["Content-Length"] == "11")
            #expect(try await client.response().text == "GET /five ")
        }
    }

    @Test("A hundred thousand pipelined requests are answered one after the other, in bounded memory and stack")
    func floodOfRequests() async throws {
        let count = 100_000
        try await withServer(handler: { _ in Response(204) }) { server in
            let client = try RawClient(port: server.port)
            let requests = Array(repeatElement(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8), count: count).joined())
            try await client.send(requests, untilReceived: "HTTP/1.1 204 No Content\r\n", times: count)
        }
    }

    @Test("A request means the same wherever its bytes are cut")
    func cuts() async throws {
        let body = "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: 1\r\n\r\n"
        let request = Array(message("POST", "/a", "Transfer-Encoding: chunked", "X: y", body: body).utf8)
        try await withServer { server in
            let client = try RawClient(port: server.port)
            for cut in 0...request.count {
                await client.send(Array(request[..<cut]))
                await client.send(Array(request[cut...]))
                #expect(try await client.response().text == "POST /a hello world", "cut at \(cut)")
            }
            await client.send(request.map { [$0] }.reduce([], +))
            #expect(try await client.response().status == 200)
        }
    }

    @Test("A large body comes in whole, declared or in chunks")
    func largeBodies() async throws {
        let text = String(repeating: "0123456789abcdef", count: 60_000)
        try await withServer(handler: { .text("\($0.body.count) \($0.body == Array(text.utf8))") }) { server in
            let client = try RawClient(port: server.port)
            #expect(try await client.ask(post("/", text)).text == "960000 true")
            let chunks = String(repeating: "10\r\n0123456789abcdef\r\n", count: 60_000) + "0\r\n\r\n"
            #expect(
                try await client.ask(message("POST", "/", "Transfer-Encoding: chunked", body: chunks)).text
                    == "960000 true")
        }
    }

    @Test("A streamed answer comes in chunks, piece by piece, and the connection goes on")
    func chunkedResponse() async throws {
        let handler: Handler = { request in
            Response(
                headers: ["Content-Type": "text/plain"],
                body: .stream { writer in
                    for piece in ["one", "", "two"] {
                        try await writer.write(Array(piece.utf8))
                        await Task.yield()
                        request.loop.preconditionOnLoop()
                    }
                })
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            for _ in 0..<2 {
                let response = try await client.ask(get())
                #expect(response["Transfer-Encoding"] == "chunked")
                #expect(response["Content-Length"] == nil)
                #expect(response.text == "onetwo")
            }
        }
    }

    @Test("Expect: 100-continue is granted before the body is read, and asked for again each time")
    func expectContinue() async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            for body in ["first", "second"] {
                await client.send(message("POST", "/", "Content-Length: \(body.utf8.count)", "Expect: 100-Continue"))
                #expect(try await client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
                await client.send(body)
                #expect(try await client.response().text == "POST / \(body)")
            }
            // There is nothing to wait for without a body.
            #expect(try await client.ask(get("/", "Expect: 100-continue")).status == 200)
        }
    }

    @Test(
        "An expectation is refused before the body",
        arguments: [
            ("Content-Length: 99999999\r\nExpect: 100-continue", 413), ("Content-Length: 5\r\nExpect: miracles", 417),
            ("Transfer-Encoding: chunked\r\nExpect: 200-ok", 417),
        ])
    func expectRefused(fields: String, status: Int) async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            let response = try await client.ask(message("POST", "/", fields))
            #expect(response.status == status)
            #expect(response["Connection"] == "close")
            #expect(try await client.rest() == [])
        }
    }

    @Test("HEAD has the fields of GET and no body, also where that is streamed")
    func head() async throws {
        let handler: Handler = { request in
            if request.path == "/stream" { return Response(body: .stream { try await $0.write([65]) }) }
            return try await echo(request)
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            #expect(try await client.ask(message("HEAD", "/x"))["Content-Length"] == "8")
            #expect(try await client.ask(message("HEAD", "/stream"))["Transfer-Encoding"] == "chunked")
            #expect(try await client.ask(get("/x")).text == "GET /x ")
        }
    }

    @Test("Answers without a body say nothing about its length", arguments: [204, 304])
    func bodiless(status: Int) async throws {
        try await withServer(handler: { _ in Response(status, body: .bytes([1, 2, 3])) }) { server in
            let client = try RawClient(port: server.port)
            for _ in 0..<2 {
                let response = try await client.ask(get())
                #expect(response.status == status)
                #expect(response["Content-Length"] == nil && response["Transfer-Encoding"] == nil)
            }
        }
    }

    @Test("A client of HTTP/1.0 is served and the connection closed, unless it asks otherwise")
    func oldClient() async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            let kept = try await client.ask(message("GET", "/1", "Connection: keep-alive", version: "1.0"))
            #expect(kept["Connection"] == "keep-alive")
            let last = try await client.ask(message("GET", "/2", version: "1.0"))
            #expect(last["Connection"] == "close")
            #expect(last.text == "GET /2 ")
            #expect(try await client.rest() == [])
        }
    }

    @Test("A client of HTTP/1.0 gets a stream without chunks, ended by the connection")
    func oldStream() async throws {
        let handler: Handler = { _ in
            Response(body: .stream { for piece in ["a", "b"] { try await $0.write(Array(piece.utf8)) } })
        }
        try await withServer(handler: handler) { server in
            let response = try await server.ask(message("GET", "/", "Connection: keep-alive", version: "1.0"))
            #expect(response["Connection"] == "close")
            #expect(response["Transfer-Encoding"] == nil)
            #expect(response.text == "ab")
        }
    }

    @Test("Connection: close is kept, with a length and in chunks", arguments: ["Content-Length", "Transfer-Encoding"])
    func close(framing: String) async throws {
        let handler: Handler = { request in
            framing == "Content-Length"
                ? .text("whole") : Response(body: .stream { try await $0.write(Array("whole".utf8)) })
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get("/", "Connection: close") + get("/never"))
            let response = try await client.response()
            #expect(response["Connection"] == "close")
            #expect(response[framing] != nil)
            #expect(response.text == "whole")
            #expect(try await client.rest() == [])
        }
    }

    @Test("A handler can close the connection, and cannot forge how its answer is framed")
    func forgedFields() async throws {
        let handler: Handler = { _ in
            var response = Response.text("truth")
            response.headers.append("Connection", "Close")
            response.headers.append("Content-Length", "1")
            response.headers.append("Transfer-Encoding", "chunked")
            response.headers.append("Date", "yesterday")
            response.headers.append("X-Split", "a\r\nX-Forged: 1")
            response.headers.append("X-Null", "a\0")
            response.headers.append("X Bad", "a")
            response.headers.append("", "a")
            response.headers.append("X-Good", "caf\u{E9}")
            return response
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            let response = try await client.ask(get())
            #expect(response.headers.map(\.name) == ["Date", "Content-Type", "X-Good", "Content-Length", "Connection"])
            #expect(response["Content-Length"] == "5")
            #expect(response["Connection"] == "close")
            #expect(response.text == "truth")
            #expect(try await client.rest() == [])
        }
    }

    @Test("What a handler throws becomes a problem: its own errors as they are, all others without details")
    func errors() async throws {
        struct Secret: Error { var patient = "Jane Doe" }
        let handler: Handler = { request in
            if request.path == "/known" {
                throw HTTPError(409, code: "conflict", "Say \"please\"\n\u{1}\\", headers: ["Retry-After": "3"])
            }
            throw Secret()
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            let known = try await client.ask(get("/known"))
            #expect(known.status == 409)
            #expect(known["Retry-After"] == "3")
            #expect(known["Content-Type"] == "application/problem+json")
            let problem = try JSONDecoder().decode(Problem.self, from: Data(known.body))
            #expect(problem == Problem(title: "Conflict", status: 409, code: "conflict", detail: "Say \"please\"\n \\"))
            let unknown = try await client.ask(get("/unknown"))
            #expect(unknown.status == 500)
            #expect(!unknown.text.contains("Jane") && !unknown.text.contains("Secret"))
            #expect(try await client.ask(get("/unknown")).status == 500)
        }
    }

    private struct Problem: Decodable, Equatable {
        var type = "about:blank"
        var title: String
        var status: Int
        var code: String
        var detail: String
    }

    @Test("The end of each exchange is told once, with its size, its time and whether it was cut")
    func summaries() async throws {
        let told = Tally()
        let summaries = Journal<Response.Summary>()
        let handler: Handler = { request in
            var response = Response(body: .stream { try await $0.write(Array("12345".utf8)) })
            if request.path == "/hang" {
                response = Response(body: .stream { _ in try await request.loop.sleep(for: .seconds(600)) })
            }
            response.onFinish = [
                { summary in
                    summaries.add(summary)
                    told.add()
                }
            ]
            return response
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            _ = try await client.ask(get())
            await told.reaches(1)
            await client.send(get("/hang"))
            _ = try await client.receive(until: "\r\n\r\n")
            await client.close()
            await told.reaches(2)
            #expect(summaries.all.map(\.bytes) == [5, 0])
            #expect(summaries.all.map(\.status) == [200, 200])
            #expect(summaries.all.map(\.isCut) == [false, true])
            #expect(summaries.all.allSatisfy { $0.duration >= .zero && $0.duration < .seconds(60) })
        }
    }

    @Test("Two loops share the port, and both get connections")
    func twoLoops() async throws {
        let loops = Journal<ObjectIdentifier>()
        let handler: Handler = { request in
            loops.add(ObjectIdentifier(request.loop))
            request.loop.preconditionOnLoop()
            return Response(204)
        }
        try await withServer(loops: 2, handler: handler) { server in
            // The kernel spreads by a hash of the ports: with 200 of them, all on one side is beyond chance.
            for _ in 0..<200 where Set(loops.all).count < 2 { _ = try await server.ask(get()) }
            #expect(Set(loops.all).count == 2)
        }
    }
}
