import Configuration
import Core
import HTTPClient
import JSON
import ProviderOpenAI
import Providers
import Testing

/// A provider of kind `openai`, with more settings if any are given.
func openAI(_ settings: String = "api: responses") throws -> some Dialect {
    let lines = settings.split(separator: "\n").map { "  \($0)\n" }.joined()
    let configuration = try Configuration.parse("main:\n  api_key: test-key\n  model: kestrel-2\n\(lines)".utf8)
    let provider = OpenAIProvider(configuration.root.section("main"))
    try configuration.finish()
    return provider
}

@Suite("Asking the Responses API")
struct ResponsesRequestTests {
    static let prompt = Prompt([
        .init(.system, "You answer briefly."), .init(.user, "Is 39 °C \"high\"?"), .init(.assistant, "Yes."),
        .init(.system, "The user is a nurse."), .init(.user, "And\n40?"),
    ])

    static func body(_ settings: String, _ prompt: Prompt = prompt) throws -> JSONValue {
        try JSONValue(parsing: openAI("api: responses\n" + settings).request(for: prompt).body)
    }

    @Test("It is asked for a stream, and to keep nothing")
    func request() throws {
        let request = try openAI("api: responses\norganization: org-1").request(for: Self.prompt)
        #expect(request.method == "POST")
        #expect(request.url == "https://api.openai.com/v1/responses")
        #expect(
            try JSONValue(parsing: request.body) == [
                "model": "kestrel-2", "stream": true, "store": false, "instructions": "You answer briefly.",
                "input": [
                    ["role": "user", "content": "Is 39 °C \"high\"?"], ["role": "assistant", "content": "Yes."],
                    ["role": "system", "content": "The user is a nurse."], ["role": "user", "content": "And\n40?"],
                ],
            ])
        let headers = request.headers.map { "\($0.name): \($0.value)" }
        let expected = [
            "Content-Type: application/json", "Authorization: Bearer test-key", "OpenAI-Organization: org-1",
        ]
        #expect(headers == expected)
    }

    @Test("A batch request is the same without the stream")
    func batch() throws {
        var prompt = Self.prompt
        prompt.streams = false
        var expected = try #require(Self.body("").object)
        expected["stream"] = nil
        #expect(try Self.body("", prompt) == .object(expected))
    }

    @Test("A prompt without the system has no instructions, and one of the system alone is input")
    func instructions() throws {
        #expect(try Self.body("", Prompt([.init(.user, "Hi")]))["instructions"] == nil)
        let alone = try Self.body("", Prompt([.init(.system, "Hi")]))
        #expect(alone["instructions"] == nil)
        #expect(alone["input"] == [["role": "system", "content": "Hi"]])
    }

    @Test("Parameters are sent when they are given, under this API's names")
    func parameters() throws {
        let body = try Self.body(
            """
            reasoning_summary: auto
            parameters:
              temperature: 0.5
              top_p: 0.25
              max_output_tokens: 1024
              reasoning_effort: low
              verbosity: medium
            """)
        var expected = try #require(Self.body("").object)
        let given: [String: JSONValue] = [
            "temperature": 0.5, "top_p": 0.25, "max_output_tokens": 1024, "text": ["verbosity": "medium"],
            "reasoning": ["effort": "low", "summary": "auto"],
        ]
        expected.merge(given) { _, new in new }
        #expect(body == .object(expected))
        #expect(try Self.body("reasoning_summary: none")["reasoning"] == nil)
        #expect(try Self.body("reasoning_summary: detailed")["reasoning"] == ["summary": "detailed"])
    }

    @Test(
        "What an API does not have is refused with its place",
        arguments: [
            ("api: responses\nparameters: { stop: [END] }", "main.parameters.stop"),
            ("api: responses\nparameters: { seed: 1 }", "main.parameters.seed"),
            ("api: responses\nparameters: { presence_penalty: 1 }", "main.parameters.presence_penalty"),
            ("api: responses\nparameters: { frequency_penalty: 1 }", "main.parameters.frequency_penalty"),
            ("api: chat_completions\nreasoning_summary: auto", "main.reasoning_summary"),
            ("reasoning_summary: detailed", "main.reasoning_summary"), ("api: assistants", "main.api"),
            ("api: responses\nreasoning_summary: long", "main.reasoning_summary"),
        ])
    func refused(settings: String, path: String) {
        let report = #expect(throws: ConfigurationReport.self) { try openAI(settings) }
        #expect(report?.problems.map(\.path) == [path])
    }

    @Test("Chat Completions is spoken unless the settings say otherwise")
    func defaultAPI() throws {
        for settings in ["", "api: chat_completions"] {
            let request = try openAI(settings).request(for: Self.prompt)
            #expect(request.url == "https://api.openai.com/v1/chat/completions")
        }
    }
}
