import HTTPClient
import Reactor
import TestSupport
import Testing

@Suite("Cancelling", .timeLimit(.minutes(1)))
struct CancellationTests {
    private let server: ScriptedServer

    init() throws {
        server = try ScriptedServer { request in
            request.line.contains("/silent")
                ? [.awaitDisconnect] : [.send(chunkedHead + chunk("first")), .awaitDisconnect]
        }
    }

    @Test("A task cancelled before there is a response closes the connection")
    func whileOpening() async {
        let task = Task { [server] in await failure(OutgoingRequest("GET", server.url + "/silent")) }
        await server.requests.reaches(1)
        task.cancel()
        #expect(await task.value?.kind == .cancelled)
        await server.disconnects.reaches(1)
    }

    @Test("A task cancelled while it waits for bytes closes the connection")
    func whileReading() async throws {
        let hasRead = Tally()
        let task = Task { [server] in
            await onLoop { actor -> HTTPClientError? in
                do throws(HTTPClientError) {
                    let response = try await actor.client.open(OutgoingRequest("GET", server.url))
                    while try await response.read({ _ in hasRead.add() }) {}
                    return nil
                } catch {
                    return error
                }
            }
        }
        await hasRead.reaches(1)
        task.cancel()
        #expect(await task.value?.kind == .cancelled)
        await server.disconnects.reaches(1)
    }

    @Test("A task that is cancelled already opens nothing that stays")
    func beforeOpening() async throws {
        let task = Task { [server] in
            while !Task.isCancelled { await Task.yield() }
            return await failure(OutgoingRequest("GET", server.url))
        }
        task.cancel()
        #expect(await task.value?.kind == .cancelled)
    }

    @Test("Letting go of a response closes the connection")
    func dropped() async throws {
        try await onLoop { [server] actor in
            _ = try await actor.client.open(OutgoingRequest("GET", server.url))
            await server.disconnects.reaches(1)
        }
    }

    @Test("Letting go of a response on another thread closes the connection")
    func droppedElsewhere() async throws {
        let box = Box(nil)
        let actor = LoopActor()
        try await actor.run { [server] actor in
            box.response = try await actor.client.open(OutgoingRequest("GET", server.url))
        }
        box.response = nil
        await server.disconnects.reaches(1)
        withExtendedLifetime(actor) {}
    }

    @Test("cancel() closes the connection, forgets what was not read, and may be called again")
    func explicitly() async throws {
        try await onLoop { [server] actor in
            let response = try await actor.client.open(OutgoingRequest("GET", server.url))
            response.cancel()
            response.cancel()
            await server.disconnects.reaches(1)
            let failure = await #expect(throws: HTTPClientError.self) { try await response.readAll() }
            #expect(failure?.kind == .cancelled)
        }
    }

    @Test("cancel() from within the reader's closure is safe")
    func withinRead() async throws {
        try await onLoop { [server] actor in
            let response = try await actor.client.open(OutgoingRequest("GET", server.url))
            #expect(try await response.read { _ in response.cancel() })
            await server.disconnects.reaches(1)
        }
    }

    @Test("cancel() wakes the task that waits for bytes")
    func wakesReader() async throws {
        try await onLoop { [server] actor in
            let response = try await actor.client.open(OutgoingRequest("GET", server.url))
            #expect(try await response.read { _ in })
            let box = Box(response)
            let task = Task { await actor.run { _ in await box.failureOfRead() } }
            // The reader's job is ready; it runs, and waits, before this one goes on.
            await Task.yield()
            response.cancel()
            #expect(await task.value?.kind == .cancelled)
        }
    }

    @Test("A response read to its end leaves the connection open for the next request")
    func afterTheEnd() async throws {
        let whole = try ScriptedServer { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")] }
        try await onLoop { actor in
            for _ in 1...20 {
                let response = try await actor.client.open(OutgoingRequest("GET", whole.url))
                #expect(try await response.readText() == "hi")
                response.cancel()
            }
        }
        #expect(whole.connections.value == 1)
        #expect(whole.requests.value == 20)
    }

    /// Used on one loop, or by one thread after the other.
    private final class Box: @unchecked Sendable {
        var response: IncomingResponse?

        init(_ response: IncomingResponse?) { self.response = response }

        func failureOfRead() async -> HTTPClientError? {
            do throws(HTTPClientError) {
                _ = try await response?.read { _ in }
                return nil
            } catch {
                return error
            }
        }
    }
}
