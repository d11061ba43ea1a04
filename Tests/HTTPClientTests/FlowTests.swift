import HTTPClient
import Reactor
import TestSupport
import Testing

@Suite("Many streams and fast ones", .timeLimit(.minutes(1)))
struct FlowTests {
    @Test("A fast server waits for a slow reader, and not a byte is lost or doubled")
    func backpressure() async throws {
        let pattern = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let wire = Array("1000\r\n".utf8) + pattern + Array("\r\n".utf8)
        let server = try ScriptedServer { _ in [.send(chunkedHead), .sendEndlessly(wire)] }
        try await onLoop { actor in
            let response = try await actor.client.open(OutgoingRequest("GET", server.url))
            await server.stalls.reaches(1)
            #expect(response.unreadBytes > 0)
            #expect(response.unreadBytes <= 64 * 1024)
            // The rest waits in the kernel's two buffers, of a few megabytes each on loopback.
            #expect(server.bytesSent.value < 32 * 1024 * 1024)
            var received = 0
            var isTrue = true
            var longest = 0
            while received < 64 * 1024 * 1024 {
                #expect(
                    try await response.read { bytes in
                        longest = max(longest, bytes.count)
                        for index in bytes.indices where bytes[index] != pattern[(received + index) % 4096] {
                            isTrue = false
                        }
                        received += bytes.count
                    })
            }
            #expect(isTrue)
            #expect(longest <= 64 * 1024)
        }
        await server.disconnects.reaches(1)
    }

    @Test("Three hundred streams at once need two multi handles, and each gets its own answer")
    func manyStreams() async throws {
        let gate = Gate()
        let server = try ScriptedServer { request in
            let text = String(request.line.split(separator: " ")[1])
            return [.send(chunkedHead + chunk(text)), .wait(gate), .send(chunk("!") + "0\r\n\r\n")]
        }
        let actor = LoopActor()
        let texts = try await withThrowingTaskGroup { group in
            for number in 1...300 {
                group.addTask {
                    try await actor.run { try await $0.text(OutgoingRequest("GET", "\(server.url)/\(number)")) }
                }
            }
            await server.requests.reaches(300)
            await actor.run { #expect($0.client.openTransfers == [200, 100]) }
            gate.open()
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(texts == Set((1...300).map { "/\($0)!" }))
        await actor.run { #expect($0.client.openTransfers == [0, 0]) }
    }

    @Test("Requests one after the other share a connection, also after an error status")
    func reuse() async throws {
        let server = try ScriptedServer { request in
            let status = request.line.contains("/bad") ? 500 : 200
            return [.send("HTTP/1.1 \(status) X\r\nContent-Length: 2\r\n\r\n\(status / 100)\(request.connection)")]
        }
        try await onLoop { actor in
            for path in ["/", "/bad", "/", "/"] {
                let text = try await actor.text(OutgoingRequest("POST", server.url + path, body: [1]))
                #expect(text.hasSuffix("1"))
            }
        }
        #expect(server.connections.value == 1)
    }

    @Test("A kept connection that the server has closed meanwhile is replaced unseen")
    func staleConnection() async throws {
        let server = try ScriptedServer { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), .close] }
        try await onLoop { actor in
            for number in 1...5 {
                let text = try await actor.text(OutgoingRequest("POST", server.url, body: Array("again".utf8)))
                #expect(text == "ok")
                await server.closures.reaches(number)
            }
        }
        #expect(server.connections.value == 5)
    }

    @Test("A request on a kept connection that breaks is not sent again unasked, unless its method may be repeated")
    func brokenConnection() async throws {
        let gate = Gate()
        let server = try ScriptedServer { request in
            let answer = ScriptedServer.Step.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            if request.line.contains("/both") { return [.wait(gate), answer] }
            return request.line.contains("/break") ? [.close] : [answer]
        }
        let actor = LoopActor()
        func fail(_ method: String) async -> HTTPClientError.Kind? {
            await actor.run { actor in
                do throws(HTTPClientError) {
                    _ = try await actor.client.open(OutgoingRequest(method, server.url + "/break", body: [1]))
                    return nil
                } catch {
                    return error.kind
                }
            }
        }
        func answered() async throws -> String {
            try await actor.run { try await $0.text(OutgoingRequest("POST", server.url + "/both", body: [1])) }
        }
        async let one = answered()
        async let two = answered()
        async let three = answered()
        await server.requests.reaches(3)
        gate.open()
        _ = try await (one, two, three)
        // All three connections are kept. One breaks, and libcurl turns to another before it is held.
        #expect(await fail("POST") == .staleConnection)
        #expect(server.requests.value == 4)
        // On a new connection, though one is kept still.
        #expect(await fail("POST") == .reset)
        #expect(server.requests.value == 5)
        #expect(await fail("GET") == .reset)
        #expect(server.requests.value == 7)
    }

    @Test("While tokens flow, no other thread is asked for anything and each piece costs one job")
    func jobs() async throws {
        let actor = LoopActor()
        let jobs = try await withTaskExecutorPreference(actor.loop) {
            try await actor.run { try await Self.countJobs($0) }
        }
        #expect(jobs.remote == 0)
        #expect(jobs.local <= jobs.reads + 1)
    }

    private typealias Jobs = (reads: Int, local: Int, remote: Int)

    private static func countJobs(_ actor: isolated LoopActor) async throws -> Jobs {
        let asked = Semaphore()
        let server = try ScriptedServer { _ in
            [.send(chunkedHead)] + (1...500).flatMap { [.take(asked), .send(chunk("token \($0)"))] } + [
                .send("0\r\n\r\n")
            ]
        }
        let response = try await actor.client.open(OutgoingRequest("GET", server.url))
        let before = actor.loop.statistics
        var reads = 0
        repeat { asked.give() } while try await response.read({ _ in reads += 1 })
        let after = actor.loop.statistics
        #expect(reads >= 500)
        return (reads, after.localJobs - before.localJobs, after.remoteJobs - before.remoteJobs)
    }
}
