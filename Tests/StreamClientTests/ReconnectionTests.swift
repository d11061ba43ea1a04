import Core
import HTTPClient
import StreamClient
import TestSupport
import Testing

@Suite("A reader's place in a stream")
struct ReconnectionTests {
    static let stream = StreamID()
    static let quick = Backoff(base: .milliseconds(1), ceiling: .milliseconds(1), maxAttempts: 3)

    static func id(_ offset: Int, of stream: StreamID = stream) -> EventID { EventID(stream: stream, offset: offset) }

    @Test("is the event let through last")
    func position() {
        var reader = Reconnection(to: Self.stream)
        #expect(reader.lastEventID == nil)
        for offset in 1...3 {
            #expect(reader.received(.contentChunk, id: Self.id(offset)) == .show)
            #expect(reader.lastEventID == "\(Self.stream)-\(offset)")
        }
    }

    @Test("begins where it is asked to")
    func beginning() {
        var reader = Reconnection(to: Self.stream, after: 7)
        #expect(reader.lastEventID == "\(Self.stream)-7")
        #expect(reader.received(.contentChunk, id: Self.id(7)) == .skip)
        #expect(reader.received(.contentChunk, id: Self.id(8)) == .show)
    }

    @Test("does not move for events seen before, nor for those that are none of the stream's own")
    func repeats() {
        var reader = Reconnection(to: Self.stream, after: 4)
        #expect(reader.received(.contentChunk, id: Self.id(3)) == .skip)
        #expect(reader.received(.busy, id: nil) == .show)
        #expect(reader.position == Self.id(4))
    }

    @Test("is held when events are missing, so that the next connection brings them")
    func gap() {
        var reader = Reconnection(to: Self.stream, after: 4)
        #expect(reader.received(.contentChunk, id: Self.id(6)) == .refuse(.gap(expected: 5, found: 6)))
        #expect(reader.lastEventID == "\(Self.stream)-4")
    }

    @Test("follows a resync wherever it leads: on, back, or to another run", arguments: [9, 4, 2, 0])
    func resync(offset: Int) {
        for stream in [Self.stream, StreamID()] {
            var reader = Reconnection(to: Self.stream, after: 4)
            #expect(reader.received(.resync, id: Self.id(offset, of: stream)) == .show)
            #expect(reader.received(.contentChunk, id: Self.id(offset, of: stream)) == .skip)
            #expect(reader.received(.contentChunk, id: Self.id(offset + 1, of: stream)) == .show)
        }
    }

    @Test("is final after the last event: a connection that ends then is not made again")
    func end() {
        var random = SplitMix(seed: 1)
        var reader = Reconnection(to: Self.stream)
        #expect(reader.received(.streamDone, id: Self.id(1)) == .show)
        #expect(reader.isFinished)
        #expect(reader.lost(.cut, using: &random) == .finish)
    }

    @Test("is final when the server has nothing more")
    func nothing() {
        var random = SplitMix(seed: 1)
        var reader = Reconnection(to: Self.stream, after: 3)
        reader.foundNothing()
        #expect(reader.lost(.cut, using: &random) == .finish)
    }

    @Test("is given up after so many attempts in a row, which a new event makes count from the start")
    func attempts() {
        var random = SplitMix(seed: 1)
        var reader = Reconnection(to: Self.stream, backoff: Self.quick)
        for offset in 1...5 {
            for _ in 0..<2 {
                guard case .connect = reader.lost(.cut, using: &random) else {
                    Issue.record("gave up early")
                    return
                }
            }
            #expect(reader.received(.contentChunk, id: Self.id(offset)) == .show)
        }
        _ = reader.lost(.cut, using: &random)
        _ = reader.lost(.cut, using: &random)
        // Neither of these is progress.
        _ = reader.received(.contentChunk, id: Self.id(5))
        _ = reader.received(.busy, id: nil)
        #expect(reader.lost(.cut, using: &random) == .fail(.cut))
    }

    @Test("waits as the server asks its readers to")
    func retry() {
        var random = SplitMix(seed: 1)
        var reader = Reconnection(to: Self.stream)
        reader.asked(toWait: .zero)
        #expect(reader.lost(.cut, using: &random) == .connect(after: .zero))
    }

    /// Whatever cuts, repeats and resyncs there are, a reader sees the text of the stream.
    @Test("leads to the whole text, once, through any connections", arguments: 0..<200 as Range<UInt64>)
    func anyConnections(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let words = (0..<Int.random(in: 1...30, using: &random)).map { "w\($0) " }
        let total = words.count + 1
        var reader = Reconnection(to: Self.stream, backoff: Backoff(base: .zero, ceiling: .zero, maxAttempts: 1_000))
        var transcript = StreamText()
        var connections = 0
        while !reader.isFinished, connections < 500 {
            connections += 1
            var offset = reader.position.offset
            // A careless server goes back a little.
            if Bool.random(using: &random) { offset = max(0, offset - Int.random(in: 0...3, using: &random)) }
            if Int.random(in: 0..<4, using: &random) == 0 {
                offset = Int.random(in: 0..<total, using: &random)
                let text = words.prefix(offset).joined()
                let event = StreamEvent.resync(
                    text.isEmpty ? [] : [StreamEvent.PanelText(panel: .chat, stage: .chat, text: text)])
                if reader.received(.resync, id: Self.id(offset)) == .show { _ = transcript.apply(event) }
            }
            let end = Int.random(in: offset...total, using: &random)
            for next in (offset + 1)..<(end + 1) {
                let event: StreamEvent =
                    next == total ? .done(.complete) : .chunk(words[next - 1], panel: .chat, stage: .chat)
                guard reader.received(event.type, id: Self.id(next)) == .show else { continue }
                _ = transcript.apply(event)
            }
            if case .fail = reader.lost(.cut, using: &random) { break }
        }
        #expect(transcript.texts.map(\.text).joined() == words.joined(), "seed \(seed)")
    }
}

@Suite("An error of a call")
struct ClientErrorTests {
    @Test(
        "is worth another attempt when it may pass",
        arguments: [
            (408, true), (429, true), (502, true), (503, true), (504, true),
            (400, false), (401, false), (403, false), (404, false), (409, false), (422, false), (500, false),
            (507, false),
        ])
    func transience(status: Int, isTransient: Bool) async throws {
        let server = try ScriptedServer { _ in
            [.send("HTTP/1.1 \(status) X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), .close]
        }
        let error = try await failure(from: server)
        #expect(error.isTransient == isTransient)
        #expect(server.requests.value == (isTransient ? 2 : 1))
    }

    @Test("carries what the server says of it")
    func problem() async throws {
        let body = #"{"status":404,"code":"not_found","detail":"There is no such conversation.","title":"Not Found"}"#
        let server = try ScriptedServer { _ in
            [.send("HTTP/1.1 404 Not Found\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")]
        }
        let error = try await failure(from: server)
        guard case .refused(let problem) = error else {
            Issue.record("not refused: \(error)")
            return
        }
        #expect(problem.status == 404)
        #expect(problem.code == "not_found")
        #expect("\(error)" == "There is no such conversation.")
    }

    private func failure(from server: ScriptedServer) async throws -> ClientError {
        let address = try #require(ServerAddress(server.url))
        let backoff = Backoff(base: .zero, ceiling: .zero, maxAttempts: 2)
        return try await onLoop { actor in
            let client = ChatClient(to: address, on: actor.loop, backoff: backoff)
            return try await #require(throws: ClientError.self) { try await client.stop(StreamID()) }
        }
    }
}

@Suite("The address of a server")
struct ServerAddressTests {
    @Test(
        "is an absolute http or https URL",
        arguments: [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("http://localhost/", "http://localhost"),
            ("HTTPS://Example.org", "https://Example.org"),
            ("https://a.example/medstream//", "https://a.example/medstream"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ])
    func valid(text: String, expected: String) {
        #expect(ServerAddress(text).map(\.description) == expected)
    }

    @Test(
        "is nothing else",
        arguments: [
            "", "localhost", "localhost:8080", "ftp://a", "http://", "http:///x", "http://:80", "http://a b",
            "http://a?x",
            "http://a#x", "http//a", "://a",
        ])
    func invalid(text: String) {
        #expect(ServerAddress(text) == nil)
    }
}
