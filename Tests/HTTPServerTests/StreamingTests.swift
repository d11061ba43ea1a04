@testable import HTTPServer
import Reactor
import TestSupport
import Testing

@Suite("Streamed answers", .timeLimit(.minutes(1)))
struct StreamingTests {
    @Test("Signs of life come before the first byte of data and stop when there is data enough", arguments: [1, 2])
    func heartbeat(loops: Int) async throws {
        let hasTwo = Tally()
        let handler: Handler = { _ in
            Response(
                body: .stream { writer in
                    writer.heartbeat(Array(":\n\n".utf8), every: .milliseconds(5))
                    await hasTwo.reaches(1)
                    try await writer.write(Array("data".utf8))
                })
        }
        try await withServer(loops: loops, handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get())
            _ = try await client.receive(until: "\r\n\r\n")
            #expect(try await client.chunk() == Array(":\n\n".utf8))
            #expect(try await client.chunk() == Array(":\n\n".utf8))
            hasTwo.add()
            var chunk = try await client.chunk()
            while chunk == Array(":\n\n".utf8) { chunk = try await client.chunk() }
            #expect(chunk == Array("data".utf8))
            #expect(try await client.chunk() == nil)
            // The next answer has none: the signs ended with the stream that asked for them.
            #expect(try await client.ask(message("HEAD", "/")).status == 200)
        }
    }

    @Test("A sign of life comes a whole period after the last data, not before")
    func busyHeartbeat() async throws {
        let silences = Tally()
        let handler: Handler = { request in
            Response(
                body: .stream { writer in
                    writer.heartbeat(Array(":\n\n".utf8), every: .milliseconds(40))
                    for _ in 0..<20 {
                        let last = request.loop.now
                        try await request.loop.sleep(for: .milliseconds(10))
                        // On a busy machine the sleep may outlast the period, and is a silence then.
                        silences.add(Int(request.loop.now - last) / 40)
                        try await writer.write(Array("data".utf8))
                    }
                })
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get())
            _ = try await client.receive(until: "\r\n\r\n")
            var chunks: [String] = []
            while let chunk = try await client.chunk() { chunks.append(String(decoding: chunk, as: UTF8.self)) }
            #expect(chunks.count { $0 == "data" } == 20)
            #expect(chunks.count { $0 != "data" } <= silences.value)
        }
    }

    @Test("All that is written in one turn leaves in one piece")
    func oneWrite() async throws {
        let handler: Handler = { _ in
            Response(body: .stream { for piece in ["a", "b", "c"] { try await $0.write(Array(piece.utf8)) } })
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get())
            #expect(try await client.receive(until: "0\r\n\r\n").hasSuffix("1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"))
        }
    }

    @Test("A reader that does not read holds a bounded number of bytes, and gets everything when it reads on")
    func backpressure() async throws {
        let piece = (0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let total = 2_500
        let gauge = StallGauge()
        let handler: Handler = { request in
            Response(
                body: .stream { writer in
                    gauge.watch(on: request.loop)
                    defer { gauge.end() }
                    for _ in 0..<total {
                        try await writer.write(piece)
                        gauge.written.add(piece.count)
                    }
                })
        }
        try await withServer({ $0.maxOutputBytes = 32_768 }, handler: handler) { server in
            let client = try RawClient(port: server.port, receiveBuffer: 8_192)
            await client.send(get())
            await gauge.stalls.reaches(1)
            // What the kernel's buffers take is its own affair; what we hold is not.
            #expect(gauge.written.value < total * piece.count)
            #expect(try await server.pendingBytes() <= 32_768 + piece.count + 16)
            let response = try await client.response()
            #expect(response.body.count == total * piece.count)
            #expect(response.body == Array(repeatElement(piece, count: total).joined()))
        }
    }

    @Test("A large answer that is all there is held once, not once per slow reader")
    func largeAnswer() async throws {
        let bytes = (0..<(16 << 20)).map { UInt8(truncatingIfNeeded: $0 >> 8 &+ $0) }
        try await withServer({ $0.maxOutputBytes = 32_768 }, handler: { _ in Response(body: .bytes(bytes)) }) {
            server in
            let client = try RawClient(port: server.port, receiveBuffer: 8_192)
            await client.send(get())
            _ = try await client.receive(until: "Content-Length: 16777216\r\n\r\n")
            #expect(try await server.pendingBytes() <= 2 * 32_768 + 512)
            var count = 0
            var isTrue = true
            while count < bytes.count {
                let part = try await client.receiveSome()
                isTrue = isTrue && part == Array(bytes[count..<count + part.count])
                count += part.count
            }
            #expect(isTrue && count == bytes.count)
            #expect(try await client.ask(message("HEAD", "/")).status == 200)
        }
    }

    @Test(
        "A reader that takes nothing is cut off after the write timeout, and its writer told", arguments: [false, true])
    func stalledReader(isStream: Bool) async throws {
        let gone = Tally()
        let handler: Handler = { request in
            var response = Response(body: .bytes(Array(repeating: 7, count: 64 << 20)))
            if isStream {
                response.body = .stream { writer in
                    while true { try await writer.write(Array(repeating: 7, count: 65_536)) }
                }
            }
            response.onFinish = [{ if $0.isCut { gone.add() } }]
            return response
        }
        try await withServer({ $0.writeTimeout = .milliseconds(40) }, handler: handler) { server in
            let client = try RawClient(port: server.port, receiveBuffer: 8_192)
            await client.send(get())
            await gone.reaches(1)
            #expect(await server.connectionCount == 0)
            await #expect(throws: RawClientError.self) { try await client.response() }
        }
    }

    @Test("A client that leaves ends the handler at once, wherever it waits", arguments: Leaving.allCases, [1, 2])
    func disconnect(how: Leaving, loops: Int) async throws {
        let entered = Tally()
        let cancelled = Tally()
        let handler: Handler = { request in
            let wait: @Sendable () async throws -> Void = {
                entered.add()
                do {
                    try await request.loop.sleep(for: .seconds(3_600))
                } catch {
                    #expect(Task.isCancelled)
                    #expect(request.loop.isCurrent)
                    cancelled.add()
                    throw error
                }
            }
            if request.path == "/before" { try await wait() }
            return Response(
                body: .stream { writer in
                    try await writer.write(Array("x".utf8))
                    try await wait()
                })
        }
        try await withServer(loops: loops, handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get(how == .beforeTheAnswer ? "/before" : "/"))
            if how == .withRequestsWaiting {
                // More than is taken in while an answer is under way: the server reads no more, and sees it leave.
                await client.send(Array(repeating: 0x41, count: 40_000))
            }
            await entered.reaches(1)
            switch how {
            case .reset: await client.reset()
            default: await client.close()
            }
            await cancelled.reaches(1)
            await server.drained()
            #expect(await server.connectionCount == 0)
        }
    }

    enum Leaving: CaseIterable {
        case inOrder, reset, beforeTheAnswer, withRequestsWaiting
    }

    @Test("A writer whose client has left is told so, at each further write too")
    func writeAfterLeaving() async throws {
        let told = Tally()
        let entered = Tally()
        let handler: Handler = { request in
            Response(
                body: .stream { writer in
                    entered.add()
                    while !Task.isCancelled { await Task.yield() }
                    for _ in 0..<2 {
                        do throws(ClientGone) {
                            try await writer.write([1])
                        } catch {
                            told.add()
                        }
                    }
                    writer.heartbeat([1], every: .milliseconds(1))
                })
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get())
            await entered.reaches(1)
            await client.close()
            await told.reaches(2)
        }
    }

    @Test("A stream that fails sends what it had, then breaks the connection without the last chunk")
    func failure() async throws {
        struct Failure: Error {}
        let cuts = Journal<Bool>()
        let handler: Handler = { _ in
            var response = Response(
                body: .stream { writer in
                    try await writer.write(Array("kept".utf8))
                    throw Failure()
                })
            response.onFinish = [{ cuts.add($0.isCut) }]
            return response
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get() + get())
            _ = try await client.receive(until: "\r\n\r\n")
            #expect(try await client.chunk() == Array("kept".utf8))
            await #expect(throws: RawClientError.ended([])) { try await client.chunk() }
            #expect(cuts.all == [true])
        }
    }

    @Test("A stream that fails before its first byte still ends the connection")
    func emptyFailure() async throws {
        let handler: Handler = { _ in Response(body: .stream { _ in throw CancellationError() }) }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            await client.send(get())
            #expect(try await client.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 OK"))
            #expect(try await client.rest() == [])
        }
    }
}
