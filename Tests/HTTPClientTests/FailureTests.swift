import HTTPClient
import TestSupport
import Testing

@Suite("Failures", .timeLimit(.minutes(1)))
struct FailureTests {
    private static let broken: [(name: String, steps: [ScriptedServer.Step], kind: HTTPClientError.Kind)] = [
        ("a chunked body cut between chunks", [.send(chunkedHead + chunk("some")), .close], .truncated),
        ("a chunked body cut within a chunk", [.send(chunkedHead + "A\r\nsome"), .close], .truncated),
        (
            "a body shorter than its length", [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome"), .close],
            .truncated
        ),
        ("a body broken off", [.send(chunkedHead + chunk("some")), .reset], .reset),
        ("no response at all", [.close], .reset),
        ("a connection broken off before the response", [.reset], .reset),
        ("a head that is cut", [.send("HTTP/1.1 200 OK\r\nX: "), .close], .truncated),
        ("chunks that are none", [.send(chunkedHead + "xyz\r\nsome\r\n"), .awaitDisconnect], .protocolError),
        ("something that is not HTTP", [.send("SSH-2.0-OpenSSH_9.2\r\n"), .awaitDisconnect], .protocolError),
        (
            "headers without end", [.send("HTTP/1.1 200 OK\r\n"), .sendEndlessly(Array("X-Header: value\r\n".utf8))],
            .protocolError
        ),
    ]

    @Test("Each way to break a response has its kind", arguments: broken.indices)
    func breaks(index: Int) async throws {
        let (name, steps, kind) = Self.broken[index]
        let server = try ScriptedServer { _ in steps }
        let found = await failure(OutgoingRequest("GET", server.url + "/?key=secret"))
        #expect(found?.kind == kind, "\(name): \(found?.detail ?? "no failure")")
        #expect(found?.host == "127.0.0.1:\(server.port)")
        #expect(found?.description.contains("secret") == false)
    }

    @Test("What came before the failure is handed over first", arguments: [ScriptedServer.Step.close, .reset])
    func partial(end: ScriptedServer.Step) async throws {
        let gate = Gate()
        let server = try ScriptedServer { _ in [.send(chunkedHead + chunk("some")), .wait(gate), end] }
        try await onLoop { actor in
            let response = try await actor.client.open(OutgoingRequest("GET", server.url))
            var text = ""
            await #expect(throws: HTTPClientError.self) {
                while try await response.read({ text += String(decoding: Array(copying: $0), as: UTF8.self) }) {
                    gate.open()
                }
            }
            #expect(text == "some")
        }
    }

    @Test("A port that nobody listens on refuses")
    func refused() async throws {
        // The first privileged port, which nothing has used since the multiplexer of 1988.
        let found = await failure(OutgoingRequest("GET", "http://127.0.0.1:1/"))
        #expect(found?.kind == .connect)
        #expect(found?.detail == "Connection refused")
    }

    @Test("A name that does not exist is not resolved")
    func unknownHost() async throws {
        // RFC 6761 section 6.4: no name under `invalid` exists.
        let found = await failure(
            OutgoingRequest("GET", "http://host.invalid/", deadlines: deadlines(connect: .seconds(50))))
        #expect(found?.kind == .dns)
        #expect(found?.host == "host.invalid")
    }

    @Test(
        "What is no http or https URL is refused before anything is sent",
        arguments: [
            "", "nonsense", "/path", "example.org/path", "http://", "http:///path", "ftp://example.org/",
            "file:///etc/passwd",
            "gopher://example.org/", "http://exa mple.org/", "http://example.org/a b", "http://example.org/\r\nX: 1",
            "http://example.org:99999/", "http://user:secret@/", "http://[::1/", "://example.org",
        ])
    func invalidURL(url: String) async {
        let found = await failure(OutgoingRequest("GET", url))
        #expect(found?.kind == .invalidURL)
        #expect(found.map { "\($0)" }?.contains("secret") == false)
    }

    @Test("A password in the URL is not in the error")
    func password() async {
        let found = await failure(OutgoingRequest("GET", "http://user:secret@127.0.0.1:1/?key=secret"))
        #expect(found?.host == "127.0.0.1:1")
        #expect(found.map { "\($0)" } == "127.0.0.1:1: no connection could be made (Connection refused)")
    }

    @Test(
        "A header or method that would change the request's shape is refused",
        arguments: [
            ("GET", "X", "a\r\nEvil: 1"), ("GET", "X", "a\nb"), ("GET", "X", "a\0b"), ("GET", "X: y\r\nZ", "a"),
            ("GET", "", "a"),
            ("GET", "X y", "a"), ("GET", "X:", "a"), ("GET /x HTTP/1.1\r\nEvil:", "X", "a"), ("", "X", "a"),
        ])
    func invalidHeader(method: String, name: String, value: String) async throws {
        let server = try ScriptedServer { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")] }
        let found = await failure(OutgoingRequest(method, server.url, headers: [(name, value)]))
        #expect(found?.kind == .invalidRequest)
        #expect(server.connections.value == 0)
    }
}
