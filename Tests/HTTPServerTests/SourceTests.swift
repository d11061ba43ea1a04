@testable import HTTPServer
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

    @Test("From news to the client no job is needed, neither of the loop nor of another thread")
    func jobs() async throws {
        let stage = Stage()
        // A loop of its own, on which nothing else happens.
        let home = LoopActor()
        var settings = HTTPServerSettings()
        settings.port = 0
        let server = try await HTTPServer(settings, on: [home.loop], handler: stage.handler)
        let client = try RawClient(port: server.port)
        await client.send(get())
        let head = try await client.receive(until: "\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 200 "))
        let source = await stage.source(1)
        let jobs = await source.jobs(ofPieces: 500)
        #expect(jobs == 0)
        for _ in 1...500 { #expect(try await client.chunk() == Array("x".utf8)) }
        await source.end()
        #expect(try await client.chunk() == nil)
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
            // (The kernel may take a little more at any time.)
            #expect(source.asked.value < total)
            #expect(try await server.pendingBytes() <= 32_768 + piece.count + 16)
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
                return feed.body
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

/// A source as the test sees it.
private struct Feed: Sendable {
    private let source: LoopConfined<PieceSource>
    private let loop: EventLoop
    /// Pieces that were fetched, and askings that found none.
    let asked = Tally()
    let closes = Tally()

    init(_ writer: BodyWriter) {
        loop = writer.loop
        source = LoopConfined(PieceSource(writer, asked, closes))
    }

    /// On the loop.
    var body: any BodySource { source.value }

    private func onLoop(_ body: @escaping @Sendable (PieceSource) -> Void) async {
        await withCheckedContinuation { continuation in
            loop.execute { [source] in
                body(source.value)
                continuation.resume()
            }
        }
    }

    func give(_ texts: String..., ending: Bool = false) async {
        await onLoop { $0.give(texts.map { Array($0.utf8) }, isEnd: ending) }
    }

    func give(pieces: [[UInt8]]) async { await onLoop { $0.give(pieces, isEnd: false) } }

    func end() async { await onLoop { $0.give([], isEnd: true) } }

    /// Gives pieces in as many turns of the loop, and counts the jobs that ran meanwhile.
    func jobs(ofPieces count: Int) async -> Int {
        await withCheckedContinuation { continuation in
            loop.execute { [source] in source.value.give(count) { continuation.resume(returning: $0) } }
        }
    }

    /// Lets the loop pass some milliseconds, in which it does what there is to do.
    func waitTurns(_ count: Int) async {
        await withCheckedContinuation { continuation in
            loop.execute { [source] in source.value.wait(count) { continuation.resume() } }
        }
    }
}

/// Writes what it was given, one piece at a time; loop-confined.
private final class PieceSource: BodySource {
    private let writer: BodyWriter
    private let asked: Tally
    private let closes: Tally
    private var pieces: [[UInt8]] = []
    private var isEnd = false
    private var timer: LoopTimer?

    init(_ writer: BodyWriter, _ asked: Tally, _ closes: Tally) {
        (self.writer, self.asked, self.closes) = (writer, asked, closes)
    }

    func give(_ more: [[UInt8]], isEnd: Bool) {
        pieces += more
        self.isEnd = self.isEnd || isEnd
        writer.sourceHasNews()
    }

    func write() -> BodyProgress {
        asked.add()
        guard !pieces.isEmpty else { return isEnd ? .end : .nothingYet }
        let piece = pieces.removeFirst()
        writer.append(piece.span)
        return .more
    }

    func close() { closes.add() }

    func give(_ count: Int, then finish: @escaping (_ jobs: Int) -> Void) {
        let before = writer.loop.statistics
        repeating(count) {
            self.give([[0x78]], isEnd: false)
        } then: {
            let after = self.writer.loop.statistics
            finish(after.localJobs - before.localJobs + after.remoteJobs - before.remoteJobs)
        }
    }

    func wait(_ count: Int, then finish: @escaping () -> Void) { repeating(count, {}, then: finish) }

    private func repeating(_ count: Int, _ body: @escaping () -> Void, then finish: @escaping () -> Void) {
        var left = count
        let timer = LoopTimer(on: writer.loop) { [unowned self] in
            if left == 0 {
                self.timer = nil
                return finish()
            }
            left -= 1
            body()
        }
        timer.start(after: .milliseconds(1), repeating: true)
        self.timer = timer
    }
}
