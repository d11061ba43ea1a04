import Core
import Foundation
import JSON
import TestSupport
import Testing

@Suite("Streams of the whole server", .timeLimit(.minutes(1)))
struct StreamTests {
    @Test("A posted message streams its whole turn, and is recorded")
    func turn() async throws {
        try await WholeServer.run { server in
            let client = try server.client()
            let head = try await client.open("/api/v1/chat/messages", method: "POST", body: #"{"message":"Hello?"}"#)
            #expect(head.hasPrefix("HTTP/1.1 200 "))
            for field in [
                "Content-Type: text/event-stream; charset=utf-8", "Cache-Control: no-cache, no-transform",
                "X-Accel-Buffering: no",
            ] { #expect(head.contains(field + "\r\n"), "\(head)") }
            var viewing = Viewing()
            try await client.watch(&viewing)
            #expect(viewing.faults == [])
            #expect(viewing.story == [.streamStart, .stageComplete, .stageComplete, .saved, .streamDone])
            #expect(viewing.texts == [.reasoning: "Thinking it over. ", .chat: "An answer in pieces."])
            #expect(viewing.outcome == .complete)
            #expect(viewing.retries.count == 1)

            // The connection serves the next call.
            let list = try await client.call("GET", "/api/v1/conversations").json["conversations"]?.array ?? []
            #expect(list.map { $0["title"] } == ["Hello?"])
            let conversation = try #require(list.first?["id"]?.string)
            let messages = try await client.call("GET", "/api/v1/conversations/\(conversation)/messages").json[
                "messages"]
            #expect(messages?.array?.map { $0["content"] } == ["Hello?", "An answer in pieces."])
            #expect(messages?.array?.last?["outcome"] == "complete")
        }
    }

    @Test(
        "EventSource gets the same by GET, and its reconnects never ask a second time",
        arguments: ["/api/v1/chat/stream", "/api/v1/chat/onboarding-stream"])
    func eventSource(path: String) async throws {
        try await WholeServer.run { server in
            let client = try server.client()
            let first = try await client.view("\(path)?message=Good%20day&request_id=a")
            #expect(first.faults == [])
            #expect(first.texts[.chat] == "An answer in pieces.")
            let id = try #require(first.stream).text
            let rest = try await client.view("\(path)?message=Good%20day", ["Last-Event-ID": "\(id)-3"], after: 3)
            #expect(rest.events == Array(first.events.dropFirst(3)))
            let over = try await client.call("GET", "\(path)?message=Good%20day&last_event_id=\(id)-\(first.last)")
            #expect(over.status == 204)
            #expect(server.upstream.server.requests.value == 1)
            #expect(try await client.call("HEAD", "\(path)?message=Hello").status == 405)
            #expect(server.upstream.server.requests.value == 1)
        }
    }

    @Test(
        "A reader resumes after any event, by header or by query, on either loop; after the last one there is no more")
    func resume() async throws {
        try await WholeServer.run { server in
            let clients = try await server.clientOfEachLoop()
            #expect(clients.count == 2)
            for owner in clients {
                let turn = try await owner.ask("Go on.")
                let whole = try await owner.view(turn.path)
                #expect(whole.faults == [])
                #expect(whole.outcome == .complete)
                for reader in clients {
                    for offset in 0..<whole.last {
                        let place = "\(turn.stream)-\(offset)"
                        let byHeader = try await reader.view(turn.path, ["Last-Event-ID": place], after: offset)
                        let byQuery = try await reader.view("\(turn.path)?last_event_id=\(place)", after: offset)
                        #expect(byHeader.events == Array(whole.events.dropFirst(offset)))
                        #expect(byQuery.events == byHeader.events)
                        #expect(
                            byHeader.offsets == Array(offset + 1...whole.last) && byQuery.offsets == byHeader.offsets)
                    }
                    // A browser that reconnects sends both: the page's own address, and where it really is.
                    let both = try await reader.view(
                        "\(turn.path)?last_event_id=\(turn.stream)-1", ["Last-Event-ID": "\(turn.stream)-3"], after: 3)
                    #expect(both.events == Array(whole.events.dropFirst(3)))
                    let end = ["Last-Event-ID": "\(turn.stream)-\(whole.last)"]
                    #expect(try await reader.call("GET", turn.path, end).status == 204)
                }
            }
        }
    }

    @Test("A reader that is cut off in mid-answer goes on over the other loop, without gap or repetition")
    func cut() async throws {
        let gates = [Gate(), Gate()]
        try await WholeServer.run(upstream: { message in
            guard message != "Which loop?" else { return [.say("Yes."), .finish] }
            let gate = message == "0" ? gates[0] : gates[1]
            return [.say("Before the cut. "), .wait(gate), .say("After it."), .finish]
        }) { server in
            let clients = try await server.clientOfEachLoop()
            for (number, owner) in clients.enumerated() {
                let turn = try await owner.ask("\(number)")
                var viewing = Viewing()
                let dropped = try server.client()
                try await dropped.open(turn.path)
                try await dropped.watch(&viewing) { $0.texts[.chat] == "Before the cut. " }
                await dropped.raw.reset()

                viewing.reconnect()
                let other = clients[1 - number]
                try await other.open(turn.path, ["Last-Event-ID": try #require(viewing.lastEventID)])
                gates[number].open()
                try await other.watch(&viewing)
                #expect(viewing.faults == [])
                #expect(viewing.texts[.chat] == "Before the cut. After it.")
                #expect(viewing.outcome == .complete)
            }
        }
    }

    @Test("While the model is silent, comments tell that the line lives, from before the first word, on either loop")
    func keepAlive() async throws {
        let gate = Gate()
        try await WholeServer.run(
            ["streaming.heartbeat=20ms"],
            upstream: { message in
                message == "Which loop?" ? [.say("Yes."), .finish] : [.wait(gate), .say("Now."), .finish]
            }
        ) { server in
            let clients = try await server.clientOfEachLoop()
            let turn = try await clients[0].ask("Hello?")
            var viewings: [Viewing] = []
            for client in clients {
                var viewing = Viewing()
                try await client.open(turn.path)
                var isAlive = false
                while !isAlive, let chunk = try await client.raw.chunk() {
                    isAlive = chunk == Array(":\n\n".utf8)
                    viewing.read(chunk)
                }
                #expect(isAlive)
                #expect(viewing.texts.isEmpty)
                viewings.append(viewing)
            }
            gate.open()
            for (place, client) in clients.enumerated() {
                try await client.watch(&viewings[place])
                #expect(viewings[place].faults == [])
                #expect(viewings[place].texts[.chat] == "Now.")
            }
        }
    }

    @Test("A place the log no longer reaches gets the whole text in a resync")
    func trimmed() async throws {
        let text = (0..<6_000).map { "word\($0) " }.joined()
        try await WholeServer.run(
            ["streaming.log.bytes=64KiB", "streaming.log.events=100"], upstream: { _ in [.say(text), .finish] }
        ) { server in
            let client = try server.client()
            let turn = try await client.ask("At length.")
            await server.ended(turn)
            let viewing = try await client.view(turn.path, ["Last-Event-ID": "\(turn.stream)-2"], after: 2)
            #expect(viewing.story.first == .resync)
            #expect(viewing.story.last == .streamDone)
            #expect(viewing.faults == [])
            #expect(viewing.texts[.chat] == text)
            let beyond = try await client.view("\(turn.path)?last_event_id=\(turn.stream)-999999", after: 999_999)
            #expect(beyond.texts[.chat] == text)
            #expect(beyond.outcome == .complete)
        }
    }

    @Test("A stream that has left memory is told from its record, and ends where it ended")
    func forgotten() async throws {
        try await WholeServer.run(["streaming.retention=0s"]) { server in
            let client = try server.client()
            let turn = try await client.ask("Hello?")
            await server.ended(turn)
            let viewing = try await client.view(turn.path)
            #expect(viewing.story == [.resync, .streamDone])
            #expect(viewing.texts == [.reasoning: "Thinking it over. ", .chat: "An answer in pieces."])
            #expect(viewing.outcome == .complete)
            let end = ["Last-Event-ID": "\(turn.stream)-\(viewing.last)"]
            #expect(try await client.call("GET", turn.path, end).status == 204)
        }
    }

    @Test("Stop ends the provider's work at once and keeps the text; stopping again changes nothing")
    func stop() async throws {
        try await WholeServer.run(upstream: { _ in [.say("Half an answer "), .stall] }) { server in
            let (client, reader) = try (server.client(), server.client())
            let turn = try await client.ask("Hello?")
            var viewing = Viewing()
            try await reader.open(turn.path)
            try await reader.watch(&viewing) { $0.texts[.chat] == "Half an answer " }
            let stopping = try await client.call("POST", turn.path + "/stop")
            #expect(stopping.status == 202)
            #expect(stopping.json == ["stream": .string(turn.stream), "state": "stopping"])
            try await reader.watch(&viewing)
            #expect(viewing.faults == [])
            #expect(viewing.outcome == .cancelled)
            await server.upstream.server.disconnects.reaches(1)
            #expect(try await client.call("POST", turn.path + "/stop").json["state"] == "ended")
            let message = try await server.lastMessage(turn)
            #expect(message["content"] == "Half an answer ")
            #expect(message["outcome"] == "cancelled")
        }
    }

    @Test("An answer that nobody watches goes on, or is cancelled after the grace, as configured")
    func detach() async throws {
        for settings in [["streaming.on_detach=finish"], ["streaming.on_detach=cancel", "streaming.detach_grace=24h"]] {
            let gate = Gate()
            try await WholeServer.run(
                settings, upstream: { _ in [.say("Before "), .wait(gate), .say("after."), .finish] }
            ) { server in
                let turn = try await leave(server)
                gate.open()
                await server.ended(turn)
                #expect(try await server.lastMessage(turn)["content"] == "Before after.")
            }
        }
        let cancelling = ["streaming.on_detach=cancel", "streaming.detach_grace=50ms"]
        try await WholeServer.run(cancelling, upstream: { _ in [.say("Before "), .stall] }) { server in
            let turn = try await server.client().ask("Hello?")
            // No viewer: the grace is over before long, and the provider is left.
            await server.upstream.server.disconnects.reaches(1)
            let viewing = try await server.client().view(turn.path)
            #expect(viewing.outcome == .cancelled)
            #expect(try await server.lastMessage(turn)["outcome"] == "cancelled")
        }
        // One that watched and left: the grace is long enough for it to come, and counts from its going.
        let leaving = ["streaming.on_detach=cancel", "streaming.detach_grace=500ms"]
        try await WholeServer.run(leaving, upstream: { _ in [.say("Before "), .stall] }) { server in
            let turn = try await leave(server)
            await server.upstream.server.disconnects.reaches(1)
            #expect(try await server.client().view(turn.path).outcome == .cancelled)
        }
    }

    /// Begins a turn, watches its first words, and leaves.
    private func leave(_ server: WholeServer) async throws -> Turn {
        let turn = try await server.client().ask("Hello?")
        let reader = try server.client()
        var viewing = Viewing()
        try await reader.open(turn.path)
        try await reader.watch(&viewing) { $0.texts[.chat] != nil }
        await reader.raw.reset()
        return turn
    }
}
