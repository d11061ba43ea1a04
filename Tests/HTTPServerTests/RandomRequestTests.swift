import HTTPServer
import TestSupport
import Testing

@Suite("Random requests", .timeLimit(.minutes(1)))
struct RandomRequestTests {
    /// Ten thousand in all, each batch from its own seed.
    @Test("Whatever comes is answered or ended in time, and harms nobody", arguments: UInt64(1)...20)
    func random(seed: UInt64) async throws {
        let handler: Handler = { request in
            if request.path == "/stream" {
                return Response(body: .stream { try await $0.write(Array("piece".utf8)) })
            }
            return try await echo(request)
        }
        let change: (inout HTTPServerSettings) -> Void = {
            ($0.headerTimeout, $0.bodyTimeout) = (.milliseconds(25), .milliseconds(25))
            ($0.idleTimeout, $0.lingerTimeout) = (.milliseconds(25), .milliseconds(25))
            ($0.writeTimeout, $0.maxBodyBytes) = (.milliseconds(250), 4_096)
        }
        try await withServer(loops: 2, change, handler: handler) { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                var random = SplitMix(seed: seed)
                for number in 0..<500 {
                    // As many at once as keep the machine busy while others wait for their timeouts.
                    if number >= 50 { try await group.next() }
                    let bytes = RandomRequest.make(using: &random)
                    group.addTask {
                        let client = try RawClient(port: server.port)
                        await client.send(bytes)
                        let answer = try await client.rest()
                        let isAnswer = answer.isEmpty || answer.starts(with: Array("HTTP/1.1 ".utf8))
                        #expect(isAnswer, "seed \(seed), request \(number): \(bytes)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await server.ask(post("/", "still here")).text == "POST / still here")
            await server.drained()
            #expect(await server.connectionCount == 0)
        }
    }
}

/// Requests as clients send them, bent and broken.
private enum RandomRequest {
    private static let models: [[UInt8]] = [
        get("/stream", "Accept: text/event-stream"), post("/a?b=c", "hello"), message("HEAD", "/%41"),
        message("POST", "/x", "Transfer-Encoding: chunked", body: "5;a=b\r\nhello\r\n0\r\nT: v\r\n\r\n"),
        message("GET", "/old", "Connection: keep-alive", version: "1.0"), message("OPTIONS", "*"),
        get("http://test/abs", "Expect: 100-continue"), message("DELETE", "/y", "Connection: close"),
        get("/up", "Upgrade: h2c", "Connection: Upgrade"), post("/1", "1") + get("/stream") + post("/2", "22"),
    ].map { Array($0.utf8) }

    private static let words: [[UInt8]] = [
        "\r\n", "\n", "\r", "\r\n\r\n", ":", " ", "\t", "\0", "%", "%00", "%2e%2e", "/", "//", "..", "#", "?",
        "HTTP/1.1",
        "Content-Length: 5\r\n", "Content-Length: -1\r\n", "Transfer-Encoding: chunked\r\n", "Host: a\r\n", "0\r\n\r\n",
        "ffffffff\r\n", "Expect: 100-continue\r\n", "Connection: close\r\n", "\u{FF}", "GET ",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ].map { Array($0.utf8) }

    static func make(using random: inout SplitMix) -> [UInt8] {
        var bytes = models.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            guard !bytes.isEmpty else { break }
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(place + Int.random(in: 1...12, using: &random), bytes.count)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: words.randomElement(using: &random) ?? [], at: place)
            case 4: bytes.replaceSubrange(place..<end, with: words.randomElement(using: &random) ?? [])
            case 5: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 6: bytes.removeSubrange(place...)
            default: bytes += models.randomElement(using: &random) ?? []
            }
        }
        return bytes
    }
}
