import Configuration
import Core
import HTTPClient
import JSON
import Providers
import Testing

@Suite("Asking DeepSeek")
struct DeepSeekRequestTests {
    static let prompt = Prompt([.init(.system, "You answer briefly."), .init(.user, "Is 39 °C high?")])
    static let begun = Prompt([.init(.user, "Is 39 °C high?")], answerSoFar: "Yes, it ")

    static func body(_ provider: any Dialect, _ prompt: Prompt = prompt) throws -> JSONValue {
        try JSONValue(parsing: provider.request(for: prompt).body)
    }

    @Test("A stream is asked for, with usage and nothing that was not given")
    func request() throws {
        let request = try deepSeek().request(for: Self.prompt)
        #expect(request.url == "https://api.deepseek.com/chat/completions")
        #expect(request.headers.contains { $0.name == "Authorization" && $0.value == "Bearer test-key" })
        #expect(
            try JSONValue(parsing: request.body) == [
                "model": "deepseek-v4-flash", "stream": true, "stream_options": ["include_usage": true],
                "messages": [
                    ["role": "system", "content": "You answer briefly."],
                    ["role": "user", "content": "Is 39 °C high?"],
                ],
            ])
    }

    @Test("The thinking switch, the effort and the limit of tokens have DeepSeek's names")
    func parameters() throws {
        let settings = "parameters: { max_output_tokens: 900, reasoning_effort: max }"
        let body = try Self.body(deepSeek("thinking: true\n\(settings)"))
        #expect(body["thinking"] == ["type": "enabled"])
        #expect(body["max_tokens"] == 900)
        #expect(body["reasoning_effort"] == "max")
        #expect(try Self.body(deepSeek("thinking: false"))["thinking"] == ["type": "disabled"])
    }

    @Test("A request may wait ten minutes for its turn, unless the settings say otherwise")
    func deadlines() throws {
        let deadlines = try deepSeek().request(for: Self.prompt).deadlines
        #expect(deadlines.firstByte == .seconds(600))
        #expect(deadlines.total == .seconds(1200))
        #expect(deadlines.idle == .seconds(60))
        let given = try deepSeek("timeouts: { first_byte: 5s }").request(for: Self.prompt).deadlines
        #expect(given.firstByte == .seconds(5))
    }

    @Test("An answer that was begun is continued at the beta address, as a prefix and without thinking")
    func prefill() throws {
        let provider = try deepSeek("thinking: true")
        #expect(provider.capabilities.assistantPrefill)
        #expect(provider.request(for: Self.begun).url == "https://api.deepseek.com/beta/chat/completions")
        let body = try Self.body(provider, Self.begun)
        #expect(
            body["messages"] == [
                ["role": "user", "content": "Is 39 °C high?"],
                ["role": "assistant", "content": "Yes, it ", "prefix": true],
            ])
        #expect(body["thinking"] == ["type": "disabled"])
    }

    @Test("Behind another address only a beta address that is given continues answers")
    func otherAddress() throws {
        let plain = try deepSeek("base_url: http://gate.test/v1")
        #expect(!plain.capabilities.assistantPrefill)
        let request = plain.request(for: Self.begun)
        #expect(request.url == "http://gate.test/v1/chat/completions")
        #expect(try JSONValue(parsing: request.body)["messages"]?.array?.count == 1)
        let beta = try deepSeek("base_url: http://gate.test/v1\nbeta_base_url: http://gate.test/beta/")
        #expect(beta.capabilities.assistantPrefill)
        #expect(beta.request(for: Self.begun).url == "http://gate.test/beta/chat/completions")
        #expect(throws: ConfigurationReport.self) { try deepSeek("beta_base_url: gate.test") }
    }
}
