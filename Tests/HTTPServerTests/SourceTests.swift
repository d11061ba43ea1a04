import HTTPServer
import Reactor
import Synchronization
import TestSupport
import Testing

@Suite("Answers fetched from a source", .timeLimit(.minutes(1)))
struct SourceTests {
    @Test("A source is asked until it has nothing, again at its news, and closed once at its end", arguments: [1, 2])
    func wholeAnswer(loops: Int) async throws {
        let stage = Stage()
        try await withServer(loops: loops, handler: stage.handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get())
            #expect(try await client.receive(until: "\r\n\r\n").contains("Transfer-Encoding: chunked"))
            let source = await stage.source(1)
            await source.give("a", "b")
            #expect(try await client.chunk() == Array("a".utf8))
            #expect(try await client.chunk() == Array("b".utf8))
            await source.give("c")
            #expect(try await client.chunk() == Array("c".utf8))
            await source.end()
            #expect(try await client.chunk() == nil)
            #expect(source.closes.value == 1)
            #expect(try await stage.summary(1).isCut == false)
            #expect(try await stage.summary(1).bytes == 3)
        }
    }

    @Test("Told nothing new, a source is asked no more")
    func silence() async throws {
        let stage = Stage()
        try await withServer(handler: stage.handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get())
            let source = await stage.source(1)
            await source.give("a")
            _ = try await client.receive(until: "\r\n\r\n")
            _ = try await client.chunk()
            let asked = source.asked.value
            // Turns pass, and other clients are served.
            for _ in 1...5 { #expect(try await server.ask(message("HEAD", "/")).status == 200) }
            #expect(source.asked.value == asked)
            await source.end()
            #expect(try await client.chunk() == nil)
        }
    }

    @Test("All the news of a turn leave in one piece")
    func oneWrite() async throws {
        let stage = Stage()
        try await withServer(handler: stage.handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get())
            _ = try await client.receive(until: "\r\n\r\n")
            await stage.source(1).give("a", "b", "c", ending: true)
            #expect(try await client.receiveSome() == Array("1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n".utf8))
        }
    }

    @Test("News costs a job of no other thread, and none of the loop")
    func jobs() async throws {
        let stage = Stage()
        let loop = LoopActor()
        var settings = HTTPServerSettings()
        settings.port = 0
        let server = try await HTTPServer(settings, on: [loop.loop], handler: stage.handler)
        let client = try RawClient(port: server.port)
        await client.send(get())
        _ = try await client.receive(until: "\r\n\r\n")
        let source = await stage.source(1)
        let before = await source.countNews(500)
        for _ in 1...500 { #expect(try await client.chunk() == Array("x".utf8)) }
        let after = loop.loop.statistics
        // One job took the measure at the beginning; a timer brought all the news.
        #expect(after.localJobs - before.localJobs <= 1)
        #expect(after.remoteJobs == before.remoteJobs)
        await client.close()
        await source.closes.reaches(1)
        await server.close()
    }

    @Test("A source is asked only while there is room, whatever its news, and goes on when the client reads on")
    func backpressure() async throws {
        let piece = (0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let total = 2_500
        let stage = Stage()
        try await withServer({ $0.maxOutputBytes = 32_768 }, handler: stage.handler) { server in
            let client = try RawClient(port: server.port, receiveBuffer: 8_192)
            await client.send(get())
            let source = await stage.source(1)
            await source.give(pieces: Array(repeating: piece, count: total - 1))
            // Until nothing moves any more: the kernel's buffers are full, and ours.
            var asked = -1
            while source.asked.value != asked {
                asked = source.asked.value
                await source.waitTurns(50)
            }
            #expect(asked < total)
            #expect(try await server.pendingBytes() <= 32_768 + piece.count + 16)
            // News while it is full are kept for later.
            await source.give(pieces: [piece])
            #expect(source.asked.value == asked)
            await source.end()
            let response = try await client.response()
            #expect(response.body == Array(repeatElement(piece, count: total).joined()))
            #expect(source.closes.value == 1)
        }
    }

    @Test("When the client leaves, the source is closed once and asked no more", arguments: Leaving.allCases)
    func leaving(how: Leaving) async throws {
        let stage = Stage()
        try await withServer({ $0.maxOutputBytes = 32_768 }, handler: stage.handler) { server in
            let client = try RawClient(port: server.port, receiveBuffer: 8_192)
            await client.send(get())
            let source = await stage.source(1)
            await source.give("a")
            if how == .whileFull {
                await source.give(pieces: Array(repeating: Array(repeating: 7, count: 65_536), count: 1_000))
            } else {
                _ = try await client.receive(until: "1\r\na\r\n")
            }
            if how == .withReset { await client.reset() } else { await client.close() }
            await source.closes.reaches(1)
            let asked = source.asked.value
            await source.give("late")
            await source.end()
            await server.drained()
            #expect(source.asked.value == asked)
            #expect(source.closes.value == 1)
            #expect(try await stage.summary(1).isCut)
        }
    }

    enum Leaving: CaseIterable {
        case inOrder, withReset, whileFull
    }

    @Test("HEAD and statuses without a body make no source")
    func bodiless() async throws {
        let stage = Stage()
        try await withServer(handler: stage.handler) { server in
            let client = try RawClient(port: server.port)
            for (method, path, status) in [("HEAD", "/", 200), ("GET", "/204", 204), ("GET", "/304", 304)] {
                #expect(try await client.ask(message(method, path)).status == status)
            }
            #expect(stage.count == 0)
        }
    }

    @Test("After its end the connection serves the next request, sent meanwhile or later")
    func keepAlive() async throws {
        let stage = Stage()
        try await withServer(handler: stage.handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get() + get())
            _ = try await client.receive(until: "\r\n\r\n")
            let first = await stage.source(1)
            await first.give("one")
            #expect(try await client.chunk() == Array("one".utf8))
            #expect(stage.count == 1)
            await first.end()
            #expect(try await client.chunk() == nil)
            // What was pipelined has its turn.
            let second = await stage.source(2)
            await second.give("two", ending: true)
            #expect(try await client.response().text == "two")
            await client.send(get())
            await stage.source(3).give("three", ending: true)
            #expect(try await client.response().text == "three")
            #expect(first.closes.value == 1 && second.closes.value == 1)
        }
    }

    @Test("A client of HTTP/1.0 gets it without chunks, to the end of the connection")
    func oldClient() async throws {
        let stage = Stage()
        try await withServer(handler: stage.handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(message("GET", "/", version: "1.0"))
            await stage.source(1).give("a", "b", ending: true)
            _ = try await client.receive(until: "\r\n\r\n")
            #expect(try await client.rest() == Array("ab".utf8))
        }
    }

    @Test("Signs of life come while a source has nothing")
    func heartbeat() async throws {
        let stage = Stage(heartbeat: .milliseconds(5))
        try await withServer(handler: stage.handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get())
            _ = try await client.receive(until: "\r\n\r\n")
            #expect(try await client.chunk() == Array("~".utf8))
            #expect(try await client.chunk() == Array("~".utf8))
            await stage.source(1).end()
            while let chunk = try await client.chunk() { #expect(chunk == Array("~".utf8)) }
        }
    }
}

/// A handler that answers from sources, which the test then feeds.
private final class Stage: Sendable {
    private let made = Mutex<[Feed]>([])
    private let arrivals = Tally()
    private let summaries = Journal<Response.Summary>()
    private let ends = Tally()
    private let heartbeat: Duration?

    init(heartbeat: Duration? = nil) { self.heartbeat = heartbeat }

    var count: Int { arrivals.value }

    /// The source of the answer of that number, counted from 1, once it is there.
    func source(_ number: Int) async -> Feed {
        await arrivals.reaches(number)
        return made.withLock { $0[number - 1] }
    }

    func summary(_ number: Int) async throws -> Response.Summary {
        await ends.reaches(number)
        return summaries.all[number - 1]
    }

    var handler: Handler {
        { [self] request in
            let body = Response.Body.source { writer in
                if let heartbeat = self.heartbeat { writer.heartbeat(Array("~".utf8), every: heartbeat) }
                let feed = Feed(writer)
                self.made.withLock { $0.append(feed) }
                self.arrivals.add()
                return feed.source
            }
            var response = Response(Int(request.path.dropFirst()) ?? 200, body: body)
            response.onFinish = [
                {
                    self.summaries.add($0)
                    self.ends.add()
                }
            ]
            return response
        }
    }
}

/// What a test gives a source to write; the source itself is touched on its loop alone.
private final class Feed: @unchecked Sendable {
    let source: PieceSource
    private let loop: EventLoop
    let asked: Tally
    let closes: Tally

    init(_ writer: BodyWriter) {
        loop = writer.loop
        source = PieceSource(writer)
        (asked, closes) = (source.asked, source.closes)
    }

    private func onLoop(_ body: @escaping @Sendable (PieceSource) -> Void) async {
        await withCheckedContinuation { continuation in
            loop.execute { [source] in
                body(source)
                continuation.resume()
            }
        }
    }

    func give(_ texts: String..., ending: Bool = false) async {
        await onLoop { $0.give(texts.map { Array($0.utf8) }, isEnd: ending) }
    }

    func give(pieces: [[UInt8]]) async { await onLoop { $0.give(pieces, isEnd: false) } }

    func end() async { await onLoop { $0.give([], isEnd: true) } }
}
