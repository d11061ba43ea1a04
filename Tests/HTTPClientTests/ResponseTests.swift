import HTTPClient
import TestSupport
import Testing

@Suite("A response", .timeLimit(.minutes(1)))
struct ResponseTests {
    @Test("The request reaches the server as it was written, and nothing is added that matters")
    func request() async throws {
        let server = try ScriptedServer { request in
            let seen = ([request.line] + request.headers).joined(separator: "\n") + "\n"
            let answer = Array(seen.utf8) + request.body
            return [.send("HTTP/1.1 200 OK\r\nContent-Length: \(answer.count)\r\n\r\n"), .sendBytes(answer)]
        }
        let text = try await onLoop { actor in
            try await actor.text(
                OutgoingRequest(
                    "POST", server.url + "/a/../b?q=%3A", headers: [("X-Empty", ""), ("X-Kind", "a  b")],
                    body: [UInt8](repeating: 0, count: 3) + Array("{}".utf8)))
        }
        #expect(
            text == """
                POST /a/../b?q=%3A HTTP/1.1
                Host: 127.0.0.1:\(server.port)
                Accept: */*
                X-Empty:
                X-Kind: a  b
                Content-Length: 5
                \0\0\0{}
                """)
    }

    @Test("A body of several megabytes arrives whole, without a pause for permission")
    func largeUpload() async throws {
        let server = try ScriptedServer { request in
            let sum = request.body.reduce(0) { $0 &+ Int($1) }
            let text = "\(request.body.count) \(sum) \(request.header("Expect") ?? "none")"
            return [.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")]
        }
        let body = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0) }
        let text = try await onLoop { try await $0.text(OutgoingRequest("POST", server.url, body: body)) }
        #expect(text == "2000000 \(body.reduce(0) { $0 &+ Int($1) }) none")
    }

    @Test("Every method is sent as named", arguments: ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    func methods(method: String) async throws {
        let server = try ScriptedServer { request in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: \(request.line.utf8.count)\r\n\r\n\(request.line)")]
        }
        for body in [[], Array("x".utf8)] {
            let text = try await onLoop { try await $0.text(OutgoingRequest(method, server.url + "/", body: body)) }
            #expect(text == "\(method) / HTTP/1.1")
        }
    }

    @Test("HEAD is answered without a body, whatever the length says")
    func head() async throws {
        let server = try ScriptedServer { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")] }
        let text = try await onLoop { try await $0.text(OutgoingRequest("HEAD", server.url)) }
        #expect(text == "")
    }

    @Test("Status and headers are there before the body is")
    func headFirst() async throws {
        let gate = Gate()
        let server = try ScriptedServer { _ in
            [
                .send("HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nx-one: a\r\nX-One:  b \r\nContent-Length: 4\r\n\r\n"),
                .wait(gate), .send("slow"),
            ]
        }
        try await onLoop { actor in
            let response = try await actor.client.open(OutgoingRequest("GET", server.url))
            #expect(response.status == 429)
            #expect(response.headers["retry-after"] == "7")
            #expect(response.headers["X-ONE"] == "a")
            #expect(response.headers.all("X-one") == ["a", "b"])
            #expect(response.headers["absent"] == nil)
            #expect(response.headers.pairs.map(\.name) == ["Retry-After", "x-one", "X-One", "Content-Length"])
            gate.open()
            #expect(try await response.readText() == "slow")
        }
    }

    @Test("Bodies of errors are read like any other", arguments: [400, 401, 404, 500, 503])
    func errorBodies(status: Int) async throws {
        let server = try ScriptedServer { _ in
            [.send("HTTP/1.1 \(status) Oh\r\nContent-Length: 13\r\n\r\n{\"error\":1.5}")]
        }
        try await onLoop { actor in
            let response = try await actor.client.open(OutgoingRequest("POST", server.url))
            #expect(response.status == status)
            #expect(try await response.readText() == "{\"error\":1.5}")
        }
    }

    @Test("Pieces are handed over as they come, not at the end")
    func pieces() async throws {
        let gates = [Gate(), Gate(), Gate()]
        let server = try ScriptedServer { _ in
            var steps: [ScriptedServer.Step] = [.send(chunkedHead)]
            for (index, gate) in gates.enumerated() { steps += [.wait(gate), .send(chunk("token \(index)"))] }
            return steps + [.send("0\r\n\r\n")]
        }
        try await onLoop { actor in
            let response = try await actor.client.open(OutgoingRequest("GET", server.url))
            for (index, gate) in gates.enumerated() {
                gate.open()
                var text = ""
                let isThere = try await response.read { text = String(decoding: Array(copying: $0), as: UTF8.self) }
                #expect(isThere)
                #expect(text == "token \(index)")
            }
            #expect(try await response.read { _ in Issue.record("bytes after the end") } == false)
            #expect(try await response.read { _ in Issue.record("bytes after the end") } == false)
        }
    }

    @Test("However a body is chunked and cut on the wire, it arrives whole")
    func anyCut() async throws {
        let server = try ScriptedServer { request in
            let seed = request.line.split(separator: " ")[1].dropFirst()
            var numbers = SplitMix(seed: UInt64(seed) ?? 0)
            let wire = Array(chunkedHead.utf8) + Self.framed(Self.body(&numbers), &numbers)
            return Self.cut(wire, &numbers)
        }
        try await onLoop { actor in
            for seed in UInt64(1)...120 {
                var numbers = SplitMix(seed: seed)
                let response = try await actor.client.open(OutgoingRequest("GET", "\(server.url)/\(seed)"))
                let received = try await response.readAll()
                #expect(received == Self.body(&numbers), "seed \(seed)")
            }
        }
        #expect(server.connections.value == 1)
    }

    private static func body(_ numbers: inout SplitMix) -> [UInt8] {
        (0..<Int.random(in: 0...20_000, using: &numbers)).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
    }

    private static func cut(_ wire: [UInt8], _ numbers: inout SplitMix) -> [ScriptedServer.Step] {
        var steps: [ScriptedServer.Step] = []
        var rest = wire[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...4_000, using: &numbers))
            steps.append(.sendBytes(Array(piece)))
            rest = rest.dropFirst(piece.count)
        }
        return steps
    }

    private static func framed(_ body: [UInt8], _ numbers: inout SplitMix) -> [UInt8] {
        var wire: [UInt8] = []
        var rest = body[...]
        while !rest.isEmpty {
            let part = rest.prefix(Int.random(in: 1...9_000, using: &numbers))
            wire += Array((String(part.count, radix: 16) + "\r\n").utf8) + part + Array("\r\n".utf8)
            rest = rest.dropFirst(part.count)
        }
        return wire + Array("0\r\nX-Trailer: 1\r\n\r\n".utf8)
    }

    @Test("A body without framing ends with the connection")
    func unframed() async throws {
        let server = try ScriptedServer { _ in [.send("HTTP/1.0 200 OK\r\n\r\nall there is"), .close] }
        let text = try await onLoop { try await $0.text(OutgoingRequest("GET", server.url)) }
        #expect(text == "all there is")
    }

    @Test("An interim response is passed over")
    func interim() async throws {
        let server = try ScriptedServer { _ in
            [
                .send("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"),
                .send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
            ]
        }
        try await onLoop { actor in
            let response = try await actor.client.open(OutgoingRequest("POST", server.url))
            #expect(response.status == 201)
            #expect(response.headers["Link"] == nil)
            #expect(try await response.readAll().isEmpty)
        }
    }

    @Test("A redirect is a response, and is not followed", arguments: [301, 302, 307, 308])
    func redirect(status: Int) async throws {
        let server = try ScriptedServer { request in
            let place = "http://127.0.0.1:\(request.header("Host") ?? "")/elsewhere"
            return [.send("HTTP/1.1 \(status) Moved\r\nLocation: \(place)\r\nContent-Length: 0\r\n\r\n")]
        }
        try await onLoop { actor in
            let response = try await actor.client.open(
                OutgoingRequest("POST", server.url, headers: [("Authorization", "Bearer key")]))
            #expect(response.status == status)
            #expect(response.headers["location"]?.hasSuffix("/elsewhere") == true)
            #expect(try await response.readAll().isEmpty)
        }
        #expect(server.requests.value == 1)
    }
}

extension Array<UInt8> {
    /// The bytes of a span that is about to end.
    init(copying span: Span<UInt8>) {
        self.init()
        for index in span.indices { append(span[index]) }
    }
}
