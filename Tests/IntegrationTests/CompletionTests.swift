import API
import Core
import Foundation
import JSON
import Streaming
import TestSupport
import Testing

@Suite("OpenAI's Chat Completions", .timeLimit(.minutes(1)))
struct CompletionTests {
    private static let path = "/v1/chat/completions"

    private static func body(_ more: [String: JSONValue] = [:], _ text: String = "Hello?") -> String {
        let usual: [String: JSONValue] = ["model": "chat", "messages": [["role": "user", "content": .string(text)]]]
        return IntegrationTests.text(.object(usual.merging(more) { $1 }))
    }

    /// What a streamed answer brought, event by event.
    private struct Streamed {
        var head = ""
        var data: [String] = []

        var chunks: [JSONValue] { data.compactMap { try? JSONValue(parsing: $0) } }
        var choices: [JSONValue] { chunks.compactMap { $0["choices"]?.array?.first } }
        var text: String { choices.compactMap { $0["delta"]?["content"]?.string }.joined() }
        var reasoning: String { choices.compactMap { $0["delta"]?["reasoning_content"]?.string }.joined() }
        var finish: [JSONValue] { choices.compactMap { $0["finish_reason"] }.filter { $0 != .null } }
        var error: JSONValue? { chunks.compactMap { $0["error"] }.first }
        var isDone: Bool { data.last == "[DONE]" }

        init(_ client: Client, _ body: String) async throws {
            head = try await client.open(CompletionTests.path, method: "POST", body: body)
            var bytes: [UInt8] = []
            while let chunk = try await client.raw.chunk() { bytes += chunk }
            data = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\n\n").filter {
                $0.hasPrefix("data: ")
            }
            .map { String($0.dropFirst(6)) }
        }
    }

    @Test("A whole answer has the text, the reasons, the tokens and who answered, and is stored nowhere")
    func batch() async throws {
        try await WholeServer.run(upstream: { _ in [.say("An \"answer\"\n"), .say("in pieces."), .finish] }) { server in
            let client = try server.client()
            let answer = try await client.call("POST", Self.path, body: Self.body())
            #expect(answer.status == 200)
            #expect(answer["X-Request-Id"]?.isEmpty == false)
            #expect(answer.json["object"] == "chat.completion")
            #expect(answer.json["id"]?.string?.hasPrefix("chatcmpl-") == true)
            #expect(answer.json["model"] == "chat")
            let choice = try #require(answer.json["choices"]?.array?.first)
            #expect(choice["message"]?["role"] == "assistant")
            #expect(choice["message"]?["content"] == "An \"answer\"\nin pieces.")
            #expect(choice["finish_reason"] == "stop")
            // The provider counts nothing here: 6 and 24 bytes at 4 to a token.
            #expect(
                answer.json["usage"] == [
                    "prompt_tokens": 2, "completion_tokens": 6, "total_tokens": 8, "estimated": true,
                ])
            #expect(answer.json["medstream"]?["provider"] == "upstream")
            #expect(answer.json["medstream"]?["model"] == "scripted-1")
            #expect(try await client.call("GET", "/api/v1/conversations").json["conversations"] == [])
            #expect(server.application.hub.logCount == 0)
            #expect(server.application.hub.byteCount == 0)
            #expect(server.upstream.requests.first?["stream"] == nil)
        }
    }

    @Test("A whole answer has the model's reasons beside its text, where it gave any", arguments: ["", "Let me see. "])
    func reasons(thought: String) async throws {
        try await WholeServer.run(upstream: { _ in [.think(thought), .say("Yes."), .finish] }) { server in
            let answer = try await server.client().call("POST", Self.path, body: Self.body())
            let message = try #require(answer.json["choices"]?.array?.first?["message"])
            #expect(message["content"] == "Yes.")
            #expect(message["reasoning_content"]?.string == (thought.isEmpty ? nil : thought))
        }
    }

    @Test("What the provider counted is told, with what it remembered and what it thought", arguments: [false, true])
    func counted(isStreamed: Bool) async throws {
        let usage: JSONValue = [
            "prompt_tokens": 30, "completion_tokens": 20, "total_tokens": 50,
            "prompt_tokens_details": ["cached_tokens": 8], "completion_tokens_details": ["reasoning_tokens": 12],
        ]
        try await WholeServer.run(upstream: { _ in [.say("Yes."), .count(usage), .finish] }) { server in
            let client = try server.client()
            let told: JSONValue?
            if isStreamed {
                let body = Self.body(["stream": true, "stream_options": ["include_usage": true]])
                told = try await Streamed(client, body).chunks.last?["usage"]
            } else {
                told = try await client.call("POST", Self.path, body: Self.body()).json["usage"]
            }
            #expect(told == usage)
        }
    }

    @Test("A stream begins with the role, goes on with reasons and text, and ends with the reason, usage and [DONE]")
    func streamed() async throws {
        let words = ["An \"answer\"\n", "in \\ pieces", " – with 😀 and é."]
        try await WholeServer.run(
            upstream: { _ in [.think("Let me\tsee. ")] + words.map { .say($0) } + [.finish] }
        ) { server in
            let answer = try await Streamed(
                server.client(), Self.body(["stream": true, "stream_options": ["include_usage": true]]))
            #expect(answer.head.contains("text/event-stream"))
            #expect(answer.choices.first?["delta"]?["role"] == "assistant")
            #expect(answer.text == words.joined())
            #expect(answer.reasoning == "Let me\tsee. ")
            #expect(answer.finish == ["stop"])
            #expect(answer.isDone)
            #expect(Set(answer.chunks.map { $0["id"]?.string }).count == 1)
            #expect(answer.chunks.allSatisfy { $0["object"] == "chat.completion.chunk" && $0["model"] == "chat" })
            let last = try #require(answer.chunks.last)
            #expect(last["choices"] == [])
            #expect(last["usage"]?["total_tokens"]?.int == 2 + (words.joined().utf8.count + 12 + 3) / 4)
            #expect(answer.chunks.dropLast().allSatisfy { $0["usage"] == .null })
            let plain = try await Streamed(server.client(), Self.body(["stream": true]))
            #expect(plain.chunks.allSatisfy { $0["usage"] == nil })
            #expect(plain.isDone)
            #expect(server.application.hub.logCount == 0)
        }
    }

    @Test(
        "A model is named by a route, a provider, or a provider and its model, and listed so",
        arguments: ["chat", "onboarding", "upstream", "upstream/scripted"])
    func names(name: String) async throws {
        try await WholeServer.run { server in
            let client = try server.client()
            let answer = try await client.call("POST", Self.path, body: Self.body(["model": .string(name)]))
            #expect(answer.status == 200)
            #expect(answer.json["model"]?.string == name)
            let list = try await client.call("GET", "/v1/models").json
            #expect(list["object"] == "list")
            let model = list["data"]?.array?.first { $0["id"]?.string == name }
            #expect(model?["object"] == "model")
            guard !name.contains("/") else { return }
            #expect(try await client.call("GET", "/v1/models/\(name)").json == model)
        }
    }

    @Test("The model gets the messages as they are, and the parameters in place of the configured ones")
    func parameters() async throws {
        let given: [String: JSONValue] = [
            "messages": [
                ["role": "developer", "content": "Be brief."], ["role": "user", "content": "One?"],
                ["role": "assistant", "content": "One.", "tool_calls": []],
                ["role": "user", "content": [["type": "text", "text": "Two"], ["type": "text", "text": "three?"]]],
            ],
            "temperature": 0.25, "top_p": 1, "max_completion_tokens": 77, "stop": "END", "seed": 7,
            "presence_penalty": -1.5, "reasoning_effort": "low", "user": "u", "metadata": ["a": "b"], "n": 1,
            "tools": [], "response_format": ["type": "text"], "logit_bias": .null,
        ]
        let set = [
            "providers.upstream.parameters.temperature=1.5", "providers.upstream.parameters.frequency_penalty=1",
        ]
        try await WholeServer.run(set) { server in
            let client = try server.client()
            #expect(try await client.call("POST", Self.path, body: Self.body(given)).status == 200)
            let sent = try #require(server.upstream.requests.first)
            #expect(
                sent["messages"] == [
                    ["role": "system", "content": "Be brief."], ["role": "user", "content": "One?"],
                    ["role": "assistant", "content": "One."], ["role": "user", "content": "Two\nthree?"],
                ])
            #expect(sent["temperature"] == 0.25)
            #expect(sent["max_tokens"] == 77)
            #expect(sent["stop"] == ["END"])
            #expect(sent["seed"] == 7)
            #expect(sent["presence_penalty"] == -1.5)
            #expect(sent["frequency_penalty"]?.jsonText.hasPrefix("1") == true)
            #expect(sent["reasoning_effort"] == "low")
            #expect(sent["metadata"] == nil)
            // The next request asks for nothing: what is configured holds.
            #expect(try await client.call("POST", Self.path, body: Self.body()).status == 200)
            #expect(server.upstream.requests.last?["temperature"] == 1.5)
            #expect(server.upstream.requests.last?["stop"] == nil)
        }
    }

    /// Members of a request that are refused, and the field that the error names.
    private static let wrong: [([String: JSONValue], String)] = [
        (["temprature": 1], "temprature"), (["model": .null], "model"), (["messages": []], "messages"),
        (["messages": "Hello"], "messages"), (["temperature": 2.5], "temperature"),
        (["temperature": "warm"], "temperature"),
        (["max_tokens": 0], "max_tokens"), (["max_tokens": 1.5], "max_tokens"), (["stream": "yes"], "stream"),
        (["n": 2], "n"), (["tools": [["type": "function"]]], "tools"), (["logprobs": true], "logprobs"),
        (["response_format": ["type": "json_object"]], "response_format"), (["modalities": ["audio"]], "modalities"),
        (["stop": ["a", "b", "c", "d", "e"]], "stop"), (["stop": 7], "stop"),
        (["messages": [["role": "tool", "content": "x"]]], "messages[0].role"),
        (["messages": [["role": "user"]]], "messages[0].content"),
        (["messages": [["role": "user", "content": " \n"]]], "messages"),
        (["messages": [["role": "user", "content": [["type": "image_url"]]]]], "messages[0].content[0]"),
        (["messages": [["role": "assistant", "content": "x", "tool_calls": [["id": "1"]]]]], "messages[0].tool_calls"),
        (
            ["messages": [["role": "user", "content": .string(String(repeating: "ä", count: 32_001))]]],
            "messages[0].content"
        ),
    ]

    @Test("What is wrong or not supported is refused by its name, in OpenAI's form", arguments: wrong)
    func refused(more: [String: JSONValue], field: String) async throws {
        try await WholeServer.run { server in
            let answer = try await server.client().call("POST", Self.path, body: Self.body(more))
            #expect(answer.status == 400, "\(answer.text)")
            #expect(answer["Content-Type"] == "application/json")
            let error = try #require(answer.json["error"])
            #expect(error["type"] == "invalid_request_error")
            #expect(error["param"]?.string == field)
            #expect(error["message"]?.string?.isEmpty == false)
            #expect(error["code"] == "invalid_request")
            #expect(answer["X-Request-Id"]?.isEmpty == false)
            #expect(server.upstream.server.requests.value == 0)
        }
    }

    @Test("A conversation past the limit is refused rather than cut")
    func tooLong() async throws {
        try await WholeServer.run(["chat.history.limit=20"]) { server in
            let client = try server.client()
            let long = JSONValue.string(String(repeating: "word ", count: 20))
            let messages: JSONValue = [
                ["role": "user", "content": long], ["role": "assistant", "content": "Yes."],
                ["role": "user", "content": "And?"],
            ]
            let answer = try await client.call("POST", Self.path, body: Self.body(["messages": messages]))
            #expect(answer.status == 400)
            #expect(answer.json["error"]?["code"] == "context_length_exceeded")
            // A single message has its own limit, and the system's words are no part of the history.
            let single: JSONValue = [["role": "system", "content": long], ["role": "user", "content": long]]
            #expect(try await client.call("POST", Self.path, body: Self.body(["messages": single])).status == 200)
        }
    }

    @Test(
        "Other mistakes have the status and the form that OpenAI's clients know",
        arguments: [
            (
                "POST", "/v1/chat/completions", #"{"model":"gpt","messages":[{"role":"user","content":"x"}]}"#, 404,
                "model_not_found"
            ),
            ("POST", "/v1/chat/completions", "{", 400, "malformed_body"), ("GET", "/v1/nothing", nil, 404, "not_found"),
            ("GET", "/v1/models/nobody", nil, 404, "model_not_found"),
            ("DELETE", "/v1/models", nil, 405, "method_not_allowed"),
        ] as [(String, String, String?, Int, String)])
    func mistakes(method: String, path: String, body: String?, status: Int, code: String) async throws {
        try await WholeServer.run { server in
            let answer = try await server.client().call(
                method, path, ["Authorization": "Bearer anything"], body: body)
            #expect(answer.status == status)
            #expect(answer.json["error"]?["code"]?.string == code)
            #expect(answer["X-Request-Id"]?.isEmpty == false)
        }
    }

    @Test(
        "What a provider refuses before the first word has a status of its own, streamed and not",
        arguments: [
            (401, 502, "false"), (429, 429, "true"), (500, 502, "true"), (503, 503, "true"), (400, 400, "false"),
        ], [true, false])
    func providerRefuses(answers: (upstream: Int, ours: Int, retry: String), streams: Bool) async throws {
        let refusal = #"{"error":{"message":"no","type":"t","code":"c"}}"#
        try await WholeServer.run(upstream: { _ in [.refuse(answers.upstream, refusal)] }) { server in
            let answer = try await server.client().call("POST", Self.path, body: Self.body(["stream": .bool(streams)]))
            #expect(answer.status == answers.ours)
            #expect(answer.json["error"]?["message"]?.string?.isEmpty == false)
            #expect(answer["x-should-retry"] == answers.retry)
            #expect((answer["Retry-After"] != nil) == [429, 503].contains(answers.ours))
            #expect(server.application.hub.logCount == 0)
        }
    }

    @Test("A stream that breaks off ends with an error and without [DONE]; asked for whole, it is an error")
    func cut() async throws {
        try await WholeServer.run(upstream: { _ in [.say("Half an answer "), .cut] }) { server in
            let answer = try await Streamed(server.client(), Self.body(["stream": true]))
            #expect(answer.text == "Half an answer ")
            #expect(answer.error?["code"] == "provider_truncated")
            #expect(answer.error?["type"] == "server_error")
            #expect(answer.finish == [])
            #expect(!answer.isDone)
            let whole = try await server.client().call("POST", Self.path, body: Self.body())
            #expect(whole.status == 502)
            #expect(whole.json["error"] != nil)
        }
    }

    @Test("Where another provider can go on, the client sees one answer that ends well, and who wrote it")
    func rescued() async throws {
        try await WholeServer.run(
            ["routes.chat=[upstream, upstream]", "providers.upstream.retry.tries=1"],
            upstream: { $0 == "Hello?" ? [.say("Half an answer "), .cut] : [.say("and the rest."), .finish] }
        ) { server in
            let answer = try await Streamed(server.client(), Self.body(["stream": true]))
            #expect(answer.text == "Half an answer and the rest.")
            #expect(answer.finish == ["stop"])
            #expect(answer.error == nil)
            #expect(answer.isDone)
            let facts = answer.chunks.compactMap { $0["medstream"] }.first
            #expect(facts?["outcome"] == "complete")
            #expect(facts?["spans"]?.array?.count == 2)
        }
    }

    @Test("Where another provider would begin anew, a client that has text gets an error, never the text twice")
    func restarted() async throws {
        try await WholeServer.run(
            [
                "routes.anew.providers=[upstream, upstream]", "routes.anew.rescue=restart",
                "providers.upstream.retry.tries=1",
            ],
            upstream: { _ in [.say("Half an answer "), .cut] }
        ) { server in
            let answer = try await Streamed(server.client(), Self.body(["stream": true, "model": "anew"]))
            #expect(answer.text == "Half an answer ")
            #expect(answer.error?["code"] == "provider_truncated")
            #expect(!answer.isDone)
            #expect(server.upstream.server.requests.value == 1)
        }
    }

    @Test("While the model thinks, comments tell that the line lives; a failure after them comes within the stream")
    func heartbeat() async throws {
        let gate = Gate()
        try await WholeServer.run(["streaming.heartbeat=20ms"], upstream: { _ in [.wait(gate), .cut] }) { server in
            let client = try server.client()
            try await client.open(Self.path, method: "POST", body: Self.body(["stream": true]))
            var seen = ""
            while !seen.contains("\n\n:\n\n:\n\n"), let chunk = try await client.raw.chunk() {
                seen += String(decoding: chunk, as: UTF8.self)
            }
            #expect(seen.contains(#""role":"assistant""#))
            gate.open()
            while let chunk = try await client.raw.chunk() { seen += String(decoding: chunk, as: UTF8.self) }
            #expect(seen.contains(#"data: {"error":{"#))
            #expect(!seen.contains("[DONE]"))
        }
    }

    @Test(
        "A client that leaves stops the answer at once: before the first word, in the middle, and waiting for the whole",
        arguments: [(true, false), (true, true), (false, false)])
    func leaves(streams: Bool, afterText: Bool) async throws {
        try await WholeServer.run(
            // Nothing else ends the wait for a silent model.
            ["streaming.idle_timeout=1h"],
            upstream: { _ in afterText ? [.say("Half an answer "), .stall] : [.stall] }
        ) { server in
            let client = try server.client()
            let body = Self.body(["stream": .bool(streams)])
            if afterText {
                try await client.open(Self.path, method: "POST", body: body)
                _ = try await client.raw.receive(until: "Half ")
            } else {
                await client.send("POST", Self.path, body: body)
                await server.upstream.server.requests.reaches(1)
            }
            await client.raw.close()
            await server.upstream.server.disconnects.reaches(1)
            await server.application.hub.idle()
            #expect(server.application.hub.logCount == 0)
        }
    }

    @Test(
        "Why the model came to its end is told, streamed and whole",
        arguments: ["stop", "length", "content_filter"], [true, false])
    func reason(_ reason: String, streams: Bool) async throws {
        try await WholeServer.run(upstream: { _ in [.say("As far as it goes."), .finishAs(reason)] }) { server in
            let client = try server.client()
            if streams {
                let answer = try await Streamed(client, Self.body(["stream": true]))
                #expect(answer.text == "As far as it goes.")
                #expect(answer.finish == [.string(reason)])
                #expect(answer.isDone)
            } else {
                let answer = try await client.call("POST", Self.path, body: Self.body())
                #expect(answer.json["choices"]?.array?.first?["finish_reason"]?.string == reason)
            }
        }
    }

    @Test("A client that reads so slowly that a part is gone is told so, and gets no answer with a hole in it")
    func tooSlow() async throws {
        let gate = Gate()
        let text = (0..<80_000).map { "word\($0) " }.joined()
        try await WholeServer.run(
            ["streaming.log.bytes=64KiB", "streaming.log.events=100"],
            upstream: { _ in [.say("Begin. "), .wait(gate), .say(text), .finish] }
        ) { server in
            let slow = try Client(port: server.application.port, receiveBuffer: 4096)
            try await slow.open(Self.path, method: "POST", body: Self.body(["stream": true]))
            var answer = ""
            while !answer.contains("Begin. "), let chunk = try await slow.raw.chunk() {
                answer += String(decoding: chunk, as: UTF8.self)
            }
            gate.open()
            await server.application.hub.idle()
            while let chunk = try await slow.raw.chunk() { answer += String(decoding: chunk, as: UTF8.self) }
            let last = answer.components(separatedBy: "\n\n").last { $0.hasPrefix("data: ") }
            #expect(last?.contains(#""code":"unavailable""#) == true)
            #expect(!answer.contains("[DONE]"))
        }
    }

    @Test("Who waits for the whole answer is told when its time is up, and the provider is left")
    func deadline() async throws {
        try await WholeServer.run(["chat.batch_timeout=50ms"], upstream: { _ in [.stall] }) { server in
            let answer = try await server.client().call("POST", Self.path, body: Self.body())
            #expect(answer.status == 504)
            #expect(answer.json["error"]?["code"] == "timed_out")
            await server.upstream.server.disconnects.reaches(1)
        }
    }

    @Test("A full server refuses with 503 and says when to come back, and pages of other sites get nothing")
    func full() async throws {
        let gate = Gate()
        try await WholeServer.run(
            ["streaming.max_running=1"], upstream: { _ in [.wait(gate), .say("A."), .finish] }
        ) { server in
            let first = try server.client()
            await first.send("POST", Self.path, body: Self.body())
            await server.upstream.server.requests.reaches(1)
            let second = try await server.client().call("POST", Self.path, body: Self.body())
            #expect(second.status == 503)
            #expect(second.json["error"]?["code"] == "unavailable")
            #expect(second["Retry-After"] == "2")
            let foreign = try await server.client().call(
                "POST", Self.path, ["Sec-Fetch-Site": "cross-site"], body: Self.body())
            #expect(foreign.status == 403)
            #expect(foreign.json["error"]?["type"] == "permission_error")
            gate.open()
            #expect(try await first.raw.response(to: "POST").status == 200)
        }
    }
}
