import Configuration
import Core
import HTTPClient
import JSON
import Providers
import Testing

@Suite("Asking for messages")
struct MessageRequestTests {
    static let prompt = Prompt([
        .init(.system, "You answer briefly."), .init(.user, "Is 39 °C \"high\"?"), .init(.assistant, "Yes."),
        .init(.system, "The user is a nurse."), .init(.user, "And\n40?"),
    ])

    static func body(_ provider: any Dialect, _ prompt: Prompt = prompt) throws -> JSONValue {
        try JSONValue(parsing: provider.request(for: prompt).body)
    }

    @Test("A stream is asked for, with the system's messages apart and a limit of tokens")
    func request() throws {
        let request = try anthropic().request(for: Self.prompt)
        #expect(request.method == "POST")
        #expect(request.url == "https://api.anthropic.com/v1/messages")
        #expect(
            try JSONValue(parsing: request.body) == [
                "model": "claude-sonnet-4-5", "max_tokens": 4096, "stream": true,
                "system": "You answer briefly.\n\nThe user is a nurse.",
                "messages": [
                    ["role": "user", "content": "Is 39 °C \"high\"?"], ["role": "assistant", "content": "Yes."],
                    ["role": "user", "content": "And\n40?"],
                ],
            ])
        let headers = request.headers.map { "\($0.name): \($0.value)" }
        #expect(
            headers == ["Content-Type: application/json", "anthropic-version: 2023-06-01", "x-api-key: test-key"])
    }

    @Test("A batch request is the same without the stream")
    func batch() throws {
        var prompt = Self.prompt
        prompt.streams = false
        var expected = try #require(Self.body(try anthropic()).object)
        expected["stream"] = nil
        #expect(try Self.body(anthropic(), prompt) == .object(expected))
    }

    @Test("A conversation without a system prompt has no member for it")
    func noSystem() throws {
        let body = try Self.body(anthropic(), Prompt([.init(.user, "Hello")]))
        #expect(body["system"] == nil)
        #expect(body["messages"] == [["role": "user", "content": "Hello"]])
    }

    @Test("Parameters and thinking are sent when they are given, in the API's own words")
    func parameters() throws {
        let body = try Self.body(
            anthropic(
                """
                parameters: { temperature: 0.25, top_p: 0.5, max_output_tokens: 9000, stop: [END], reasoning_effort: low }
                thinking: { type: enabled, budget_tokens: 2000, display: summarized }
                """))
        #expect(body["temperature"] == 0.25)
        #expect(body["top_p"] == 0.5)
        #expect(body["max_tokens"] == 9000)
        #expect(body["stop_sequences"] == ["END"])
        #expect(body["output_config"] == ["effort": "low"])
        #expect(body["thinking"] == ["type": "enabled", "budget_tokens": 2000, "display": "summarized"])
    }

    @Test(
        "Every kind of thinking is asked for as it is named",
        arguments: [
            ("{}", nil), ("{ type: default }", nil), ("{ type: adaptive }", ["type": "adaptive"]),
            ("{ type: disabled }", ["type": "disabled"]),
        ] as [(String, JSONValue?)])
    func thinking(setting: String, expected: JSONValue?) throws {
        #expect(try Self.body(anthropic("thinking: \(setting)"))["thinking"] == expected)
    }

    @Test("Without a limit of tokens a thinking budget comes on top")
    func budget() throws {
        let body = try Self.body(anthropic("thinking: { type: enabled, budget_tokens: 2000 }"))
        #expect(body["max_tokens"] == 6096)
    }

    @Test(
        "What the API would refuse is reported at its place",
        arguments: [
            ("parameters: { seed: 1 }", "parameters"), ("parameters: { verbosity: low }", "parameters"),
            ("parameters: { presence_penalty: 1 }", "parameters"),
            ("api_version: '2026-10-21'\nparameters: { temperature: 1 }", "parameters"),
            ("api_version: '2026-10-21'\nparameters: { top_p: 1 }", "parameters"),
            ("parameters: { frequency_penalty: 1 }", "parameters"), ("thinking: { type: yes }", "thinking.type"),
            ("thinking: { type: enabled }", "thinking.budget_tokens"),
            ("thinking: { type: enabled, budget_tokens: 1023 }", "thinking.budget_tokens"),
            ("thinking: { budget_tokens: 1024 }", "thinking.budget_tokens"),
            ("thinking: { type: adaptive, budget_tokens: 1024 }", "thinking.budget_tokens"),
            ("thinking: { type: disabled, display: summarized }", "thinking.display"),
            (
                "thinking: { type: enabled, budget_tokens: 2000 }\nparameters: { max_output_tokens: 2000 }",
                "thinking.budget_tokens"
            ),
        ])
    func refused(settings: String, path: String) {
        let report = #expect(throws: ConfigurationReport.self) { try anthropic(settings) }
        #expect(report?.problems.contains { $0.path == "main.\(path)" } == true)
    }

    @Test("An answer that was begun goes last, without white space at its end, and without thinking")
    func prefill() throws {
        var prompt = Self.prompt
        prompt.answerSoFar = "  At 40 °C \n "
        let provider = try anthropic("thinking: { type: enabled, budget_tokens: 2000 }")
        #expect(provider.capabilities.assistantPrefill)
        let body = try Self.body(provider, prompt)
        #expect(body["messages"]?.array?.last == ["role": "assistant", "content": "  At 40 °C"])
        #expect(body["thinking"] == nil)
        prompt.answerSoFar = " \n"
        #expect(try Self.body(provider, prompt)["messages"]?.array?.count == 3)
    }

    @Test(
        "Models up to Claude 4.5 continue an answer",
        arguments: [
            ("claude-3-opus-20240229", true), ("claude-3-5-haiku-latest", true), ("claude-3-7-sonnet-20250219", true),
            ("claude-sonnet-4-20250514", true), ("claude-opus-4-1-20250805", true), ("claude-sonnet-4-5", true),
            ("claude-haiku-4-5-20251001", true), ("claude-sonnet-4.5", true), ("claude-2.1", true),
            ("claude-opus-4-6", false), ("claude-sonnet-4-6", false), ("claude-opus-4-8", false),
            ("claude-sonnet-5", false), ("claude-opus-5-20260901", false), ("claude-next", false), ("kestrel-2", false),
            ("llama-3-claude", false),
        ])
    func prefillByModel(model: String, expected: Bool) throws {
        #expect(try anthropic(model: model).capabilities.assistantPrefill == expected)
        #expect(try anthropic("prefill: \(!expected)", model: model).capabilities.assistantPrefill == !expected)
    }

    @Test("A model that continues nothing is not sent the beginning")
    func noPrefill() throws {
        var prompt = Self.prompt
        prompt.answerSoFar = "At 40"
        let provider = try anthropic(model: "claude-opus-4-6")
        #expect(try Self.body(provider, prompt) == Self.body(provider))
    }
}
