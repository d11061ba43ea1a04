import HTTPClient
import TestSupport
import Testing

@Suite("Deadlines", .timeLimit(.minutes(1)))
struct DeadlineTests {
    private static let short = Duration.milliseconds(60)

    @Test("A server that accepts and never makes a connection usable passes the connect deadline")
    func connect() async throws {
        let server = try ScriptedServer { _ in [.awaitDisconnect] }
        // The peer waits for a blank line that no TLS greeting holds.
        let url = "https://127.0.0.1:\(server.port)"
        let failure = await failure(OutgoingRequest("GET", url, deadlines: deadlines(connect: Self.short)))
        #expect(failure?.kind == .timedOut(.connect))
        await server.disconnects.reaches(1)
    }

    @Test(
        "A body that does not begin passes the first-byte deadline, with a head and without",
        arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"])
    func firstByte(head: String) async throws {
        let server = try ScriptedServer { _ in [.send(head), .awaitDisconnect] }
        let failure = await failure(OutgoingRequest("GET", server.url, deadlines: deadlines(firstByte: Self.short)))
        #expect(failure?.kind == .timedOut(.firstByte))
        await server.disconnects.reaches(1)
    }

    @Test("A body that falls silent passes the idle deadline, and what came before is kept")
    func idle() async throws {
        let server = try ScriptedServer { _ in [.send(chunkedHead + chunk("some")), .awaitDisconnect] }
        try await onLoop { actor in
            let response = try await actor.client.open(
                OutgoingRequest("GET", server.url, deadlines: deadlines(idle: Self.short)))
            var text = ""
            let failure = await #expect(throws: HTTPClientError.self) {
                while try await response.read({ text += String(decoding: Array(copying: $0), as: UTF8.self) }) {}
            }
            #expect(failure?.kind == .timedOut(.idle))
            #expect(text == "some")
        }
        await server.disconnects.reaches(1)
    }

    @Test("A body that never ends and never falls silent passes the total deadline alone")
    func total() async throws {
        let server = try ScriptedServer { _ in [.send(chunkedHead), .sendEndlessly(Array(chunk("token").utf8))] }
        let request = OutgoingRequest(
            "GET", server.url,
            deadlines: deadlines(firstByte: .seconds(5), idle: .seconds(5), total: .milliseconds(200)))
        #expect(await failure(request)?.kind == .timedOut(.total))
        await server.disconnects.reaches(1)
    }

    @Test("The total deadline passes in each phase")
    func totalAnywhere() async throws {
        let server = try ScriptedServer { _ in [.awaitDisconnect] }
        let limits = deadlines(total: Self.short)
        for url in [server.url, "https://127.0.0.1:\(server.port)"] {
            #expect(await failure(OutgoingRequest("GET", url, deadlines: limits))?.kind == .timedOut(.total))
        }
    }

    @Test("A reader that does not read is not taken for a server that is silent")
    func slowReader() async throws {
        let server = try ScriptedServer { _ in [.send(chunkedHead), .sendEndlessly(Array(chunk("token").utf8))] }
        try await onLoop { actor in
            let response = try await actor.client.open(
                OutgoingRequest("GET", server.url, deadlines: deadlines(idle: .seconds(1))))
            // Each is a quarter of a second: together twice as long as the deadline, which a busy machine keeps nonetheless.
            await server.stalls.reaches(8)
            var received = 0
            while received < 1_000_000 { #expect(try await response.read { received += $0.count }) }
        }
    }
}
