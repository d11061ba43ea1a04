import HTTPClient
import Reactor
import TestSupport
import Testing

@Suite("Responses that are handed over", .timeLimit(.minutes(1)))
struct DeliveryTests {
    @Test(
        "Status and headers come first and once, then all bytes in order, then the end",
        arguments: 1...100 as ClosedRange<UInt64>)
    func order(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let body = (0..<Int.random(in: 0...60_000, using: &random)).map {
            UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8)
        }
        var steps = [ScriptedServer.Step.send("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"), .send(chunkedHead)]
        var rest = body[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...9_000, using: &random))
            steps += [.send("\(String(piece.count, radix: 16))\r\n"), .sendBytes(Array(piece)), .send("\r\n")]
            rest = rest.dropFirst(piece.count)
        }
        steps.append(.send("0\r\n\r\n"))
        let server = try ScriptedServer { [steps] _ in steps }
        try await onLoop { actor in
            let receiver = Receiver()
            let delivery = try actor.client.deliver(OutgoingRequest("GET", server.url), to: receiver)
            await delivery.ended()
            #expect(delivery.failure == nil)
            #expect(receiver.statuses == [200])
            #expect(receiver.headers?["Transfer-Encoding"] == "chunked" && receiver.headers?["Link"] == nil)
            #expect(receiver.body == body)
            #expect(!receiver.hadBodyBeforeHead && !receiver.hadEmptyPiece)
        }
    }

    @Test("Each piece is handed over when it comes, within the socket's event: no job wakes anyone")
    func jobs() async throws {
        let actor = LoopActor()
        let cost = try await withTaskExecutorPreference(actor.loop) { try await actor.run { try await Self.count($0) } }
        #expect(cost.pieces >= 500)
        // Asking for the next piece and waiting for the end are the test's own doing.
        #expect(cost.remote == 0)
        #expect(cost.local <= 3)
    }

    private static func count(_ actor: isolated LoopActor) async throws -> (pieces: Int, local: Int, remote: Int) {
        let asked = Semaphore()
        let server = try ScriptedServer { _ in
            [.send(chunkedHead)] + (1...500).flatMap { [.take(asked), .send(chunk("token \($0)"))] } + [
                .send("0\r\n\r\n")
            ]
        }
        let receiver = Receiver()
        receiver.onHead = { _ in asked.give() }
        receiver.onBody = { _ in asked.give() }
        let before = actor.loop.statistics
        let delivery = try actor.client.deliver(OutgoingRequest("GET", server.url), to: receiver)
        await delivery.ended()
        let after = actor.loop.statistics
        #expect(delivery.failure == nil)
        return (receiver.pieces, after.localJobs - before.localJobs, after.remoteJobs - before.remoteJobs)
    }

    @Test(
        "cancel() from within a call closes the connection, and nothing more is handed over", arguments: [true, false])
    func cancelWithin(isAtHead: Bool) async throws {
        // All in one piece: what follows the cancelling call has been read already.
        let server = try ScriptedServer { _ in
            [.send(chunkedHead + chunk("one") + chunk("two")), .awaitDisconnect]
        }
        try await onLoop { actor in
            let receiver = Receiver()
            let cancel: (Receiver) -> Void = { $0.delivery?.cancel() }
            if isAtHead { receiver.onHead = cancel } else { receiver.onBody = cancel }
            let delivery = try actor.client.deliver(OutgoingRequest("GET", server.url), to: receiver)
            receiver.delivery = delivery
            await delivery.ended()
            receiver.delivery = nil
            #expect(delivery.failure?.kind == .cancelled)
            #expect(receiver.statuses == [200])
            #expect(receiver.pieces == (isAtHead ? 0 : 1))
            await server.disconnects.reaches(1)
            delivery.cancel()
        }
    }

    @Test("Cancelling the task that waits for the end closes the connection", arguments: ["/", "/silent"])
    func cancelTask(path: String) async throws {
        let server = try ScriptedServer { request in
            request.line.contains("/silent")
                ? [.awaitDisconnect] : [.send(chunkedHead + chunk("one")), .awaitDisconnect]
        }
        let arrived = Tally()
        let task = Task {
            await onLoop { actor -> HTTPClientError.Kind? in
                let receiver = Receiver()
                receiver.onBody = { _ in arrived.add() }
                let delivery = try? actor.client.deliver(OutgoingRequest("GET", server.url + path), to: receiver)
                await delivery?.ended()
                return delivery?.failure?.kind
            }
        }
        await (path == "/" ? arrived : server.requests).reaches(1)
        task.cancel()
        #expect(await task.value == .cancelled)
        await server.disconnects.reaches(1)
    }

    @Test("Letting go of a delivery closes the connection, and nothing more is handed over")
    func dropped() async throws {
        let server = try ScriptedServer { _ in [.send(chunkedHead + chunk("one")), .awaitDisconnect] }
        try await onLoop { actor in
            let receiver = Receiver()
            receiver.onBody = { $0.delivery = nil }
            receiver.delivery = try actor.client.deliver(OutgoingRequest("GET", server.url), to: receiver)
            await server.disconnects.reaches(1)
            #expect(receiver.delivery == nil)
            #expect(receiver.pieces == 1)
        }
    }

    private static let broken: [(name: String, steps: [ScriptedServer.Step], kind: HTTPClientError.Kind)] = [
        ("a chunked body that is cut", [.send(chunkedHead + chunk("some")), .close], .truncated),
        (
            "a body shorter than its length", [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome"), .close],
            .truncated
        ),
        ("no response", [.close], .reset), ("a connection broken off", [.reset], .reset),
        ("a head that is cut", [.send("HTTP/1.1 200 OK\r\nX: "), .close], .truncated),
        ("chunks that are none", [.send(chunkedHead + "xyz\r\nsome\r\n"), .awaitDisconnect], .protocolError),
        ("something that is not HTTP", [.send("SSH-2.0-OpenSSH_9.2\r\n"), .awaitDisconnect], .protocolError),
    ]

    @Test("Each way to break a response has its kind, behind what came before it", arguments: broken.indices)
    func failures(index: Int) async throws {
        let (name, steps, kind) = Self.broken[index]
        let server = try ScriptedServer { _ in steps }
        try await onLoop { actor in
            let receiver = Receiver()
            let delivery = try actor.client.deliver(OutgoingRequest("GET", server.url), to: receiver)
            await delivery.ended()
            #expect(delivery.failure?.kind == kind, "\(name): \(delivery.failure?.detail ?? "no failure")")
            let wire = steps.reduce(into: "") { if case .send(let text) = $1 { $0 += text } }
            #expect(receiver.body == Array((wire.contains("some") && kind == .truncated ? "some" : "").utf8))
        }
    }

    @Test("Silence in the middle is a deadline that has passed", arguments: [true, false])
    func silence(hasBegun: Bool) async throws {
        let server = try ScriptedServer { _ in [.send(hasBegun ? chunkedHead + chunk("one") : ""), .awaitDisconnect] }
        let short = Duration.milliseconds(30)
        let limits = hasBegun ? deadlines(idle: short) : deadlines(firstByte: short)
        try await onLoop { actor in
            let receiver = Receiver()
            let delivery = try actor.client.deliver(
                OutgoingRequest("GET", server.url, deadlines: limits), to: receiver)
            await delivery.ended()
            #expect(delivery.failure?.kind == .timedOut(hasBegun ? .idle : .firstByte))
            #expect(receiver.pieces == (hasBegun ? 1 : 0))
        }
    }

    @Test("What cannot be sent at all fails at once, and its receiver is let go")
    func unsendable() async throws {
        await onLoop { actor in
            weak var held: Receiver?
            do {
                let receiver = Receiver()
                held = receiver
                let failure = #expect(throws: HTTPClientError.self) {
                    _ = try actor.client.deliver(OutgoingRequest("GET", "nonsense"), to: receiver)
                }
                #expect(failure?.kind == .invalidURL)
                #expect(receiver.statuses.isEmpty)
            }
            #expect(held == nil)
        }
    }

    @Test("A receiver is kept until the end, however it comes, and then let go", arguments: [true, false])
    func lifetime(isWhole: Bool) async throws {
        let gate = Gate()
        let end: ScriptedServer.Step = isWhole ? .send("0\r\n\r\n") : .close
        let server = try ScriptedServer { _ in [.send(chunkedHead + chunk("one")), .wait(gate), end] }
        let heard = Tally()
        try await onLoop { actor in
            weak var held: Receiver?
            var delivery: Delivery?
            do {
                let receiver = Receiver()
                receiver.onBody = { _ in heard.add() }
                held = receiver
                delivery = try actor.client.deliver(OutgoingRequest("GET", server.url), to: receiver)
            }
            await heard.reaches(1)
            #expect(held != nil)
            gate.open()
            await delivery?.ended()
            #expect(held == nil)
            #expect((delivery?.failure == nil) == isWhole)
        }
    }

    @Test("A connection whose response was handed over whole serves the next request")
    func reuse() async throws {
        let server = try ScriptedServer { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")] }
        try await onLoop { actor in
            for _ in 1...20 {
                let receiver = Receiver()
                let delivery = try actor.client.deliver(OutgoingRequest("POST", server.url, body: [1]), to: receiver)
                await delivery.ended()
                #expect(receiver.body == Array("hi".utf8))
            }
        }
        #expect(server.connections.value == 1)
        #expect(server.requests.value == 20)
    }
}

/// Notes what it is given.
private final class Receiver: ResponseReceiver {
    var statuses: [Int] = []
    var headers: IncomingHeaders?
    var body: [UInt8] = []
    var pieces = 0
    var hadBodyBeforeHead = false
    var hadEmptyPiece = false
    var onHead: ((Receiver) -> Void)?
    var onBody: ((Receiver) -> Void)?
    var delivery: Delivery?

    func receive(status: Int, headers: IncomingHeaders) {
        statuses.append(status)
        self.headers = headers
        onHead?(self)
    }

    func receive(body: Span<UInt8>) {
        hadBodyBeforeHead = hadBodyBeforeHead || statuses.isEmpty
        hadEmptyPiece = hadEmptyPiece || body.isEmpty
        pieces += 1
        self.body += Array(copying: body)
        onBody?(self)
    }
}
