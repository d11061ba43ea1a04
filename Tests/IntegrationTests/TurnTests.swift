import Core
import Foundation
import JSON
import TestSupport
import Testing

@Suite("Turns of the whole server", .timeLimit(.minutes(1)))
struct TurnTests {
    @Test("A turn is answered at once with its names, or when it is finished")
    func batch() async throws {
        try await WholeServer.run { server in
            let client = try server.client()
            let begun = try await client.ask("Hello?")
            #expect(begun.status == 202)
            #expect(begun.message["role"] == "assistant")
            let finished = try await client.call(
                "POST", "/api/v1/chat/messages?wait=true", body: #"{"message":"Hello?"}"#)
            #expect(finished.status == 200)
            let message = try Turn(finished).message
            #expect(message["content"] == "An answer in pieces.")
            #expect(message["outcome"] == "complete")
            #expect(server.upstream.requests.last?["stream"]?.bool != true)
        }
    }

    @Test("A caller that waits is told when the time for the whole answer is up, and the provider is left")
    func batchTimeout() async throws {
        try await WholeServer.run(["chat.batch_timeout=50ms"], upstream: { _ in [.stall] }) { server in
            let answer = try await server.client().call(
                "POST", "/api/v1/chat/messages?wait=true", body: #"{"message":"Hello?"}"#)
            #expect(answer.status == 504)
            #expect(answer.json["code"] == "timed_out")
            await server.upstream.server.disconnects.reaches(1)
        }
    }

    @Test("A provider that falls silent ends the answer with an error, and what it said stays")
    func silence() async throws {
        try await WholeServer.run(
            ["streaming.idle_timeout=600ms"], upstream: { _ in [.say("Half an answer "), .stall] }
        ) { server in
            let turn = try await server.client().ask("Hello?")
            let viewing = try await server.client().view(turn.path)
            #expect(viewing.faults == [])
            #expect(viewing.story == [.streamStart, .error, .saved, .streamDone])
            #expect(viewing.event(.error)?.errorCode == "timed_out")
            #expect(viewing.event(.error)?.retryAvailable == true)
            #expect(viewing.outcome == .truncated)
            #expect(viewing.texts[.chat] == "Half an answer ")
            await server.upstream.server.disconnects.reaches(1)
            #expect(try await server.lastMessage(turn)["content"] == "Half an answer ")
        }
    }

    @Test("The same key joins the running turn and replays the finished one; with another question it is refused")
    func idempotency() async throws {
        let gate = Gate()
        try await WholeServer.run(upstream: { _ in [.say("Once "), .wait(gate), .say("only."), .finish] }) { server in
            let (client, other) = try (server.client(), server.client())
            let first = try await client.ask("Hello?", ["Idempotency-Key": "k1"])
            let second = try await other.ask("Hello?", [:], ["request_id": "k1"])
            #expect(second.stream == first.stream)
            #expect(second.message["id"] == first.message["id"])
            let head = try await other.open(
                "/api/v1/chat/messages", ["Idempotency-Key": "k1"], method: "POST", body: #"{"message":"Hello?"}"#)
            #expect(head.hasPrefix("HTTP/1.1 200 "))
            gate.open()
            var joined = Viewing()
            try await other.watch(&joined)
            #expect(joined.faults == [])
            #expect(joined.texts[.chat] == "Once only.")
            let replayed = try await client.view("/api/v1/chat/stream?message=Hello%3F&request_id=k1")
            #expect(replayed.events == joined.events)
            #expect(server.upstream.server.requests.value == 1)

            let refused = try await client.call(
                "POST", "/api/v1/chat/messages", ["Idempotency-Key": "k1"], body: #"{"message":"Something else"}"#)
            #expect(refused.status == 409)
            #expect(refused.json["code"] == "conflict")
            #expect(refused.json["field"] == "request_id")
            #expect(server.upstream.server.requests.value == 1)
        }
    }

    @Test("A retry answers the same message in a stream of its own; while the first runs it is refused")
    func retry() async throws {
        let gate = Gate()
        try await WholeServer.run(upstream: { _ in [.say("Well"), .wait(gate), .say("."), .finish] }) { server in
            let client = try server.client()
            let first = try await client.ask("Hello?")
            let early = try await client.call("POST", first.path + "/retry")
            #expect(early.status == 409)
            gate.open()
            await server.ended(first)
            let again = try Turn(await client.call("POST", first.path + "/retry", ["Idempotency-Key": "r"]))
            #expect(again.status == 202)
            #expect(again.stream != first.stream)
            #expect(again.message["retry_of"] == first.message["id"])
            #expect(again.message["reply_to"] == first.message["reply_to"])
            #expect(try await client.view(again.path).texts[.chat] == "Well.")
            // The same key joins the retry.
            let joined = try Turn(await client.call("POST", first.path + "/retry?wait=true", ["Idempotency-Key": "r"]))
            #expect(joined.stream == again.stream)
            #expect(server.upstream.server.requests.value == 2)
        }
    }

    @Test("What a provider refuses is told with its own code, streamed and not", arguments: [401, 429, 500, 503])
    func refused(status: Int) async throws {
        let body = #"{"error":{"message":"no","type":"t","code":"c"}}"#
        // Tried once, lest the breaker be what refuses the second.
        let once = ["providers.upstream.retry.tries=1"]
        try await WholeServer.run(once, upstream: { _ in [.refuse(status, body)] }) { server in
            let client = try server.client()
            let answer = try await client.call(
                "POST", "/api/v1/chat/messages?wait=true", body: #"{"message":"Hello?"}"#)
            let code = try #require(answer.json["code"]?.string)
            #expect(answer.status == PlatformError.Code(rawValue: code)?.httpStatus)
            #expect(answer.status >= 429)
            let viewing = try await client.view(try await client.ask("Hello?").path)
            #expect(viewing.faults == [])
            #expect(viewing.event(.error)?.errorCode == code)
            #expect(viewing.outcome == .failed)
        }
    }

    @Test("The model sees the prompt of the conversation's kind and what was said before")
    func history() async throws {
        try await WholeServer.run { server in
            let client = try server.client()
            let first = try await client.ask("First.", [:], ["stage": "onboarding"])
            await server.ended(first)
            let second = try await client.ask("Second.", [:], ["conversation_id": .string(first.conversation)])
            await server.ended(second)
            let messages = try #require(server.upstream.requests.last?["messages"]?.array)
            #expect(messages.map { $0["role"] } == ["system", "user", "assistant", "user"])
            #expect(messages.dropFirst().map { $0["content"] } == ["First.", "An answer in pieces.", "Second."])
            let prompt = try String(
                contentsOf: Reference.packageRoot.appending(path: "config/prompts/onboarding.md"), encoding: .utf8)
            #expect(messages.first?["content"]?.string == prompt.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }
}
