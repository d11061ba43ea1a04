import API
import Core
import Persistence
import Streaming
import TestSupport
import Testing

@Suite("The end of the whole server", .timeLimit(.minutes(1)))
struct ShutdownTests {
    @Test("Past the drain time answers are stopped and recorded, and one that heeds no stop is left; each ends once")
    func ending() async throws {
        let store = InMemoryStore()
        let gate = AsyncStream.makeStream(of: Void.self)
        let acts: @Sendable (String) -> [Upstream.Act] = { _ in [.say("Half an answer "), .stall] }
        try await WholeServer.run(store: store, upstream: acts) { server in
            let turn = try await server.client().ask("Hello?")
            let (hub, id) = (server.application.hub, StreamID())
            let left = try await hub.start(id, owner: WholeServer.user, on: WholeServer.loops[0]) { log in
                log.write("What came so far ", to: .chat, of: .chat)
                // A task of its own heeds no cancellation, as a store that hangs.
                await Task { for await _ in gate.stream {} }.value
                log.write("and later.", to: .chat, of: .chat)
                log.finish(.done(.complete))
            }
            var (stopped, abandoned) = (Viewing(), Viewing())
            let (first, second) = try (server.client(), server.client())
            try await first.open(turn.path)
            try await first.watch(&stopped) { $0.texts[.chat] != nil }
            try await second.open("/api/v1/streams/\(id)")
            try await second.watch(&abandoned) { $0.texts[.chat] != nil }

            async let over: Void = server.application.shutdown()
            try await first.watch(&stopped)
            try await second.watch(&abandoned)
            await over
            #expect(stopped.story == [.streamStart, .error, .saved, .streamDone])
            #expect(stopped.texts == [.chat: "Half an answer "])
            #expect(abandoned.story == [.error, .streamDone])
            #expect(abandoned.texts == [.chat: "What came so far "])
            for viewing in [stopped, abandoned] {
                #expect(viewing.faults == [])
                #expect(viewing.outcome == .truncated)
                #expect(viewing.event(.error)?.errorCode == "shutting_down")
            }
            let stream = try #require(StreamID(turn.stream))
            let answer = try await store.answer(of: stream, of: WholeServer.user)
            #expect(answer.outcome == .truncated)
            #expect(answer.text == "Half an answer ")
            await server.upstream.server.disconnects.reaches(1)
            gate.continuation.finish()
            #expect(await left.lastOffset == abandoned.last)
        }
    }
}
