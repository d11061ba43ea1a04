import Core
import HTTPClient
import JSON
import Providers
import Testing

@Suite("Asking for chat completions")
struct ChatRequestTests {
    static let prompt = Prompt([
        .init(.system, "You answer briefly."), .init(.user, "Is 39 °C \"high\"?"), .init(.assistant, "Yes."),
        .init(.user, "And\n40?"),
    ])

    static func batch() -> Prompt {
        var prompt = prompt
        prompt.streams = false
        return prompt
    }

    @Test("OpenAI is asked for a stream, with usage, and to keep nothing")
    func openAIRequest() throws {
        let request = try openAI().request(for: Self.prompt)
        #expect(request.method == "POST")
        #expect(request.url == "https://api.openai.com/v1/chat/completions")
        #expect(
            try JSONValue(parsing: request.body) == [
                "model": "kestrel-2", "stream": true, "stream_options": ["include_usage": true], "store": false,
                "messages": [
                    ["role": "system", "content": "You answer briefly."],
                    ["role": "user", "content": "Is 39 °C \"high\"?"], ["role": "assistant", "content": "Yes."],
                    ["role": "user", "content": "And\n40?"],
                ],
            ])
        let headers = request.headers.map { "\($0.name): \($0.value)" }
        #expect(headers == ["Content-Type: application/json", "Authorization: Bearer test-key"])
    }

    @Test("A batch request is the same without the stream")
    func batchRequest() throws {
        for provider in [try openAI() as any Dialect, try compatible()] {
            let streamed = try JSONValue(parsing: provider.request(for: Self.prompt).body)
            var expected = try #require(streamed.object)
            expected["stream"] = nil
            expected["stream_options"] = nil
            #expect(try JSONValue(parsing: provider.request(for: Self.batch()).body) == .object(expected))
        }
    }

    static let parameters = """
        parameters:
          temperature: 0.2
          top_p: 0.9
          presence_penalty: -1
          frequency_penalty: 1.5
          max_output_tokens: 1024
          stop: [END, "\\n\\n"]
          seed: 7
          reasoning_effort: low
          verbosity: medium
        """

    @Test("Parameters are sent when they are given")
    func parameters() throws {
        let body = try JSONValue(parsing: openAI(Self.parameters).request(for: Self.batch()).body)
        var expected = try #require(JSONValue(parsing: openAI().request(for: Self.batch()).body).object)
        let given: [String: JSONValue] = [
            "temperature": 0.2, "top_p": 0.9, "presence_penalty": -1, "frequency_penalty": 1.5,
            "max_completion_tokens": 1024, "stop": ["END", "\n\n"], "seed": 7, "reasoning_effort": "low",
            "verbosity": "medium",
        ]
        expected.merge(given) { _, new in new }
        #expect(numbersAlike(body) == numbersAlike(.object(expected)))
    }

    @Test("A compatible server gets what its settings say")
    func compatibleRequest() throws {
        let provider = try compatible(
            """
            token_limit_field: num_predict
            stream_options: false
            sampling: false
            extra_body: { think: true, seed: 9, options: { num_ctx: 8192 } }
            \(Self.parameters)
            """)
        let request = provider.request(for: Self.prompt)
        #expect(request.url == "http://model.test/v1/chat/completions")
        #expect(request.headers.map(\.name) == ["Content-Type"])
        let body = try JSONValue(parsing: request.body)
        #expect(body["num_predict"] == 1024)
        #expect(body["stream"] == true)
        #expect(body["think"] == true)
        #expect(body["seed"] == 9)
        #expect(body["options"] == ["num_ctx": 8192])
        let left = ["stream_options", "temperature", "top_p", "presence_penalty", "frequency_penalty", "max_tokens"]
        for name in left { #expect(body[name] == nil, "\(name)") }
    }

    @Test("No member is written twice")
    func noMemberTwice() throws {
        let provider = try compatible("extra_body: { seed: 9, model: other, stop: [X] }\n" + Self.parameters)
        let text = String(decoding: provider.request(for: Self.prompt).body, as: UTF8.self)
        for name in ["seed", "model", "stop"] { #expect(text.ranges(of: "\"\(name)\":").count == 1, "\(name)") }
    }

    @Test("Headers of the settings are sent, and stand in for ours")
    func headers() throws {
        let provider = try openAI(
            """
            organization: org-1
            project: proj-1
            headers: { X-Tenant: ward-3, authorization: "Custom abc" }
            """)
        let headers = provider.request(for: Self.prompt).headers.map { "\($0.name): \($0.value)" }
        let expected = [
            "Content-Type: application/json", "X-Tenant: ward-3", "authorization: Custom abc",
            "OpenAI-Organization: org-1", "OpenAI-Project: proj-1",
        ]
        #expect(headers == expected)
    }

    @Test("Deadlines are those of the settings")
    func deadlines() throws {
        let deadlines = try compatible("timeouts: { connect: 1s, first_byte: 10m, idle: 30s, total: 20m }")
            .request(for: Self.prompt).deadlines
        #expect(deadlines.connect == .seconds(1))
        #expect(deadlines.firstByte == .seconds(600))
        #expect(deadlines.idle == .seconds(30))
        #expect(deadlines.total == .seconds(1200))
    }

    /// -1 and -1.0 are one number to JSON.
    private func numbersAlike(_ value: JSONValue) -> JSONValue {
        guard case .object(let members) = value else { return value }
        return .object(
            members.mapValues { member in
                if case .int(let number) = member { .double(Double(number)) } else { member }
            })
    }
}
