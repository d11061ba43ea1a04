import Core
import HTTPClient
import JSON
import ProviderBedrock
import Providers
import Testing

@Suite("Asking Converse")
struct ConverseRequestTests {
    static let prompt = Prompt([
        .init(.system, "You answer briefly."), .init(.user, "Is 39 °C \"high\"?"), .init(.assistant, "Yes."),
        .init(.user, "And\n40?"),
    ])

    static func batch(_ messages: [Prompt.Message] = prompt.messages) -> Prompt {
        Prompt(messages, streams: false)
    }

    static func body(_ settings: String = "", _ prompt: Prompt = prompt) throws -> JSONValue {
        try JSONValue(parsing: bedrock(settings).request(for: prompt).body)
    }

    @Test("The least that is asked is the conversation")
    func least() throws {
        let request = try bedrock().request(for: Self.prompt)
        #expect(request.method == "POST")
        #expect(
            request.url
                == "https://bedrock-runtime.eu-central-1.amazonaws.com/model/eu.harrier.kestrel-v2%3A0/converse-stream")
        #expect(
            request.headers.map { "\($0.name): \($0.value)" } == [
                "Content-Type: application/json", "Authorization: Bearer hush-123",
            ])
        #expect(
            try JSONValue(parsing: request.body) == [
                "system": [["text": "You answer briefly."]],
                "messages": [
                    ["role": "user", "content": [["text": "Is 39 °C \"high\"?"]]],
                    ["role": "assistant", "content": [["text": "Yes."]]],
                    ["role": "user", "content": [["text": "And\n40?"]]],
                ],
            ])
    }

    @Test("A whole answer is asked for at another path, with the same body")
    func batch() throws {
        let (stream, batch) = (try bedrock().request(for: Self.prompt), try bedrock().request(for: Self.batch()))
        #expect(batch.url == stream.url.replacing("/converse-stream", with: "/converse"))
        #expect(batch.body == stream.body)
    }

    @Test("Turns alternate, and blank texts are left out")
    func turns() throws {
        let messages: [Prompt.Message] = [
            .init(.user, "One"), .init(.assistant, " \n"), .init(.system, "\t"), .init(.user, "Two"),
            .init(.assistant, "Three"), .init(.assistant, "Four"),
        ]
        #expect(
            try Self.body("", Self.batch(messages)) == [
                "messages": [
                    ["role": "user", "content": [["text": "One"], ["text": "Two"]]],
                    ["role": "assistant", "content": [["text": "Three"], ["text": "Four"]]],
                ]
            ])
    }

    @Test("Parameters are sent when they are given")
    func parameters() throws {
        let body = try Self.body(
            """
            parameters: { temperature: 0.5, top_p: 0.25, max_output_tokens: 1024, stop: [END], reasoning_effort: low }
            additional_model_request_fields: { thinking: { type: enabled, budget_tokens: 1024 } }
            guardrail: { identifier: gr1, version: 3, stream_mode: async }
            """)
        let members: [String: JSONValue] = [
            "inferenceConfig": ["maxTokens": 1024, "temperature": 0.5, "topP": 0.25, "stopSequences": ["END"]],
            "outputConfig": ["effort": "low"],
            "additionalModelRequestFields": ["thinking": ["type": "enabled", "budget_tokens": 1024]],
            "guardrailConfig": [
                "guardrailIdentifier": "gr1", "guardrailVersion": "3", "streamProcessingMode": "async",
            ],
        ]
        for (name, value) in members { #expect(body[name] == value, "\(name)") }
        #expect(Set(body.object?.keys ?? [:].keys) == Set(members.keys).union(["messages", "system"]))
    }

    @Test("The mode of a guardrail's stream is for streams")
    func guardrailOfBatch() throws {
        let guardrail = "guardrail: { identifier: gr1, version: DRAFT, stream_mode: sync }"
        let body = try Self.body(guardrail, Self.batch())
        #expect(body["guardrailConfig"] == ["guardrailIdentifier": "gr1", "guardrailVersion": "DRAFT"])
        let silent = try Self.body("guardrail: { identifier: gr1, version: 1 }")
        #expect(silent["guardrailConfig"] == ["guardrailIdentifier": "gr1", "guardrailVersion": "1"])
    }

    @Test("Headers of the settings are sent, and stand in for ours")
    func headers() throws {
        let request = try bedrock("headers: { X-Ward: three, authorization: mine }").request(for: Self.prompt)
        #expect(request.headers.map(\.name) == ["Content-Type", "X-Ward", "authorization"])
    }

    @Test(
        "A model is one segment of the path, whatever it is called",
        arguments: [
            ("a:b/c", "a%3Ab%2Fc"), ("plain-1.0_x~", "plain-1.0_x~"), ("ü 100%", "%C3%BC%20100%25"),
        ])
    func model(name: String, segment: String) throws {
        let url = try bedrock("base_url: http://h.test/v1/", model: name).request(for: Self.prompt).url
        #expect(url == "http://h.test/v1/model/\(segment)/converse-stream")
    }
}
