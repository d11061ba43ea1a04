import Configuration
import Core
import HTTPClient
import JSON
import ProviderGemini
import Providers
import Testing

@Suite("Asking Gemini")
struct GeminiRequestTests {
    static let prompt = Prompt([
        .init(.system, "You answer briefly."), .init(.user, "Is 39 °C \"high\"?"), .init(.assistant, "Yes."),
        .init(.user, "And\n40?"),
    ])

    static let plain: JSONValue = [
        "systemInstruction": ["parts": [["text": "You answer briefly."]]],
        "contents": [
            ["role": "user", "parts": [["text": "Is 39 °C \"high\"?"]]],
            ["role": "model", "parts": [["text": "Yes."]]],
            ["role": "user", "parts": [["text": "And\n40?"]]],
        ],
    ]

    @Test("Without parameters a request holds the conversation and nothing else")
    func plainRequest() throws {
        #expect(try JSONValue(parsing: gemini().request(for: Self.prompt).body) == Self.plain)
        #expect(
            try JSONValue(parsing: gemini().request(for: Prompt([.init(.user, "Hello")])).body)
                == ["contents": [["role": "user", "parts": [["text": "Hello"]]]]])
    }

    @Test("The address says whether a stream is wanted, and never the key")
    func addresses() throws {
        var prompt = Self.prompt
        let models = "https://generativelanguage.googleapis.com/v1beta/models"
        #expect(try gemini().request(for: prompt).url == "\(models)/kestrel-2-pro:streamGenerateContent?alt=sse")
        prompt.streams = false
        let request = try gemini().request(for: prompt)
        #expect(request.method == "POST")
        #expect(request.url == "\(models)/kestrel-2-pro:generateContent")
        let headers = request.headers.map { "\($0.name): \($0.value)" }
        #expect(headers == ["Content-Type: application/json", "x-goog-api-key: test-key"])
        #expect(try JSONValue(parsing: request.body) == Self.plain)
    }

    @Test(
        "A model may be named in full",
        arguments: [
            ("models/kestrel-2", "/models/kestrel-2:"), ("tunedModels/ward 3", "/tunedModels/ward%203:"),
            ("a?b#c", "/models/a%3Fb%23c:"),
        ])
    func modelNames(model: String, part: String) throws {
        #expect(try gemini(model: "\"\(model)\"").request(for: Self.prompt).url.contains(part))
    }

    @Test("Parameters are sent under Google's names when they are given")
    func parameters() throws {
        let provider = try gemini(
            """
            parameters:
              temperature: 0.25
              top_p: 0.75
              presence_penalty: -1.5
              frequency_penalty: 1.5
              max_output_tokens: 1024
              stop: [END, "\\n\\n"]
              seed: 7
              reasoning_effort: low
            thinking: { include_thoughts: true }
            safety: { dangerous_content: block_only_high, harassment: off }
            """)
        var expected = try #require(Self.plain.object)
        expected["generationConfig"] = [
            "temperature": 0.25, "topP": 0.75, "presencePenalty": -1.5, "frequencyPenalty": 1.5,
            "maxOutputTokens": 1024, "stopSequences": ["END", "\n\n"], "seed": 7,
            "thinkingConfig": ["thinkingLevel": "LOW", "includeThoughts": true],
        ]
        expected["safetySettings"] = [
            ["category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"],
            ["category": "HARM_CATEGORY_DANGEROUS_CONTENT", "threshold": "BLOCK_ONLY_HIGH"],
        ]
        #expect(try JSONValue(parsing: provider.request(for: Self.prompt).body) == .object(expected))
    }

    @Test(
        "Thinking is spoken of only as far as the settings do",
        arguments: [
            ("{ budget: 0 }", ["thinkingBudget": 0]), ("{ budget: -1 }", ["thinkingBudget": -1]),
            ("{ include_thoughts: false }", ["includeThoughts": false]),
        ] as [(String, JSONValue)])
    func thinking(settings: String, expected: JSONValue) throws {
        let body = try JSONValue(parsing: gemini("thinking: \(settings)").request(for: Self.prompt).body)
        #expect(body["generationConfig"] == ["thinkingConfig": expected])
    }

    @Test(
        "What Gemini cannot be told is refused at start-up",
        arguments: [
            ("parameters: { verbosity: low }", "verbosity"),
            ("parameters: { reasoning_effort: low }\nthinking: { budget: 8 }", "thinking.budget"),
            ("safety: { dangerous_content: perhaps }", "safety.dangerous_content"),
            ("safety: { weather: off }", "weather"), ("thinking: { level: low }", "level"),
        ])
    func refusals(settings: String, named: String) {
        let report = #expect(throws: ConfigurationReport.self) { try gemini(settings) }
        #expect(report?.description.contains(named) == true)
    }
}
