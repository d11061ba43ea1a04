import Core
import HTTPClient
import StreamClient
import TestSupport
import Testing

@Suite("A reader of a stream", .timeLimit(.minutes(1)))
struct StreamReaderTests {
    static let stream = StreamID("7f3k9q2m4x") ?? StreamID()
    static let quick = Backoff(base: .milliseconds(1), ceiling: .milliseconds(1), maxAttempts: 5)
    static let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

    static let events: [StreamEvent] = {
        var events = [StreamEvent.start(stream: stream, conversation: ConversationID(), message: MessageID())]
        for index in 0..<12 { events.append(.chunk("wörd\(index) ", panel: .chat, stage: .chat, index: index)) }
        events += [.stageComplete(panel: .chat, stage: .chat), .done(.complete)]
        return events
    }()

    /// The events after the one that a request names, as bytes.
    static func bytes(after lastEventID: String?) -> [UInt8] {
        let last = lastEventID.flatMap { EventID($0) }?.offset ?? 0
        var bytes = Array("retry: 1\n\n".utf8)
        for (index, event) in events.enumerated().dropFirst(last) {
            event.appendServerSentEvent(id: EventID(stream: stream, offset: index + 1), to: &bytes)
        }
        return bytes
    }

    /// Everything a reader sees of the stream, until its end.
    static func sightings(
        of server: ScriptedServer, after offset: Int = 0, maxSilence: Duration = .seconds(20)
    ) async throws -> [StreamReader.Sighting] {
        let address = try #require(ServerAddress(server.url))
        return try await onLoop { actor in
            let reader = StreamReader(
                stream, after: offset, from: address, on: actor.loop, backoff: quick, maxSilence: maxSilence)
            var all: [StreamReader.Sighting] = []
            while let seen = try await reader.next() {
                #expect(!seen.isEmpty)
                all += seen
            }
            return all
        }
    }

    static func events(in sightings: [StreamReader.Sighting]) -> [StreamEvent] {
        sightings.compactMap { sighting in
            guard case .event(let event, _) = sighting else { return nil }
            return event
        }
    }

    static func interruptions(in sightings: [StreamReader.Sighting]) -> [ClientError] {
        sightings.compactMap { sighting in
            guard case .interrupted(let error) = sighting else { return nil }
            return error
        }
    }

    @Test("sees every event once, in order, over one connection")
    func whole() async throws {
        let server = try ScriptedServer { request in
            [.send(Self.head), .sendBytes(Self.bytes(after: request.header("Last-Event-ID"))), .close]
        }
        let seen = try await Self.sightings(of: server)
        #expect(Self.events(in: seen) == Self.events)
        #expect(seen.count == Self.events.count)
        #expect(server.requests.value == 1)
    }

    @Test("takes silence for a dead line")
    func silence() async throws {
        let gate = Gate()
        defer { gate.open() }
        let server = try ScriptedServer { request in
            let bytes = Self.bytes(after: request.header("Last-Event-ID"))
            if request.connection > 1 { return [.send(Self.head), .sendBytes(bytes), .close] }
            return [.send(Self.head), .sendBytes(Array(bytes.prefix(bytes.count / 2))), .wait(gate)]
        }
        let seen = try await Self.sightings(of: server, maxSilence: .milliseconds(60))
        #expect(Self.events(in: seen) == Self.events)
        let errors = Self.interruptions(in: seen)
        #expect(errors.count == 1)
        guard case .unreachable(let error) = errors.first else {
            Issue.record("another reason: \(errors)")
            return
        }
        #expect(error.kind == .timedOut(.idle))
    }

    @Test("says when the line is lost and when it stands again")
    func notices() async throws {
        let server = try ScriptedServer { request in
            let bytes = Self.bytes(after: request.header("Last-Event-ID"))
            return request.connection == 1
                ? [.send(Self.head), .sendBytes(Array(bytes.prefix(400))), .close]
                : [.send(Self.head), .sendBytes(bytes), .close]
        }
        let seen = try await Self.sightings(of: server)
        let lost = try #require(seen.firstIndex(of: .interrupted(.cut)))
        #expect(seen.firstIndex(of: .resumed) == lost + 1)
    }

    @Test("begins after a given event")
    func later() async throws {
        let server = try ScriptedServer { request in
            [.send(Self.head), .sendBytes(Self.bytes(after: request.header("Last-Event-ID"))), .close]
        }
        let seen = try await Self.sightings(of: server, after: 12)
        #expect(Self.events(in: seen) == Array(Self.events.dropFirst(12)))
    }

    @Test("ends in peace when there is nothing more (204)")
    func nothing() async throws {
        let server = try ScriptedServer { _ in [.send("HTTP/1.1 204 No Content\r\n\r\n")] }
        #expect(try await Self.sightings(of: server, after: 15) == [])
    }

    @Test("passes over an event it cannot read, and does not take its place for a gap")
    func unreadable() async throws {
        let server = try ScriptedServer { _ in
            let done = #"{"type":"stream_done","metadata":{"outcome":"complete"}}"#
            let events = [#"{"type":"content_chunk"}"#, "nonsense", done].enumerated().map { index, data in
                "id: \(Self.stream)-\(index + 1)\ndata: \(data)\n\n"
            }
            return [.send(Self.head), .send(events.joined()), .close]
        }
        let seen = try await Self.sightings(of: server)
        #expect(seen.count == 3)
        #expect(Self.events(in: seen).map(\.type) == [.streamDone])
        #expect(Self.interruptions(in: seen).isEmpty)
    }

    @Test("hands over what came before it gives up")
    func givingUp() async throws {
        let server = try ScriptedServer { request in
            request.connection == 1
                ? [.send(Self.head), .sendBytes(Array(Self.bytes(after: nil).prefix(500))), .close]
                : [.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), .close]
        }
        let address = try #require(ServerAddress(server.url))
        let reader = StreamReader(Self.stream, from: address, on: LoopActor().loop, backoff: Self.quick)
        var seen: [StreamReader.Sighting] = []
        do {
            while let more = try await reader.next() { seen += more }
            Issue.record("nothing was thrown")
        } catch {
            guard case .refused(let problem) = error else { throw error }
            #expect(problem.status == 404)
        }
        let events = Self.events(in: seen)
        #expect(events.count >= 2)
        #expect(events == Array(Self.events.prefix(events.count)))
        #expect(try await reader.next() == nil)
    }

    @Test("gives up a server that never says anything new")
    func hopeless() async throws {
        let server = try ScriptedServer { _ in [.send(Self.head), .send("retry: 1\n\n:\n\n"), .close] }
        await #expect(throws: ClientError.cut) { _ = try await Self.sightings(of: server) }
        #expect(server.requests.value == Self.quick.maxAttempts)
    }

    @Test("does not believe an answer that is no stream of events")
    func otherServer() async throws {
        let server = try ScriptedServer { _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi")]
        }
        let error = await #expect(throws: ClientError.self) { _ = try await Self.sightings(of: server) }
        #expect(error?.isTransient == false)
    }
}
