import Configuration
import Core
import Foundation
import HTTPClient
import JSON
import ProviderAzureOpenAI
import Providers
import Testing

@Suite("Asking Azure OpenAI")
struct AzureRequestTests {
    static let prompt = Prompt([.init(.system, "You answer briefly."), .init(.user, "Is 39 °C high?")])

    @Test(
        "The address follows the surface and the API version",
        arguments: [
            ("", "/openai/deployments/kestrel%202/chat/completions?api-version=2024-10-21"),
            (
                "api_version: 2025-04-01-preview",
                "/openai/deployments/kestrel%202/chat/completions?api-version=2025-04-01-preview"
            ),
            ("surface: v1", "/openai/v1/chat/completions"),
            ("surface: v1\napi_version: preview", "/openai/v1/chat/completions?api-version=preview"),
        ])
    func addresses(settings: String, path: String) throws {
        let request = try azure(settings).request(for: Self.prompt)
        #expect(request.method == "POST")
        #expect(request.url == "https://ward.openai.azure.com\(path)")
        #expect(try JSONValue(parsing: request.body)["model"] == "kestrel 2")
    }

    @Test("The body is that of chat completions, with usage asked for in a stream")
    func body() throws {
        var prompt = Self.prompt
        let settings = "surface: v1\nparameters: { max_output_tokens: 9, reasoning_effort: low }"
        var expected: [String: JSONValue] = [
            "model": "kestrel 2", "max_completion_tokens": 9, "reasoning_effort": "low", "stream": true,
            "stream_options": ["include_usage": true],
            "messages": [
                ["role": "system", "content": "You answer briefly."], ["role": "user", "content": "Is 39 °C high?"],
            ],
        ]
        #expect(try JSONValue(parsing: azure(settings).request(for: prompt).body) == .object(expected))
        prompt.streams = false
        expected["stream"] = nil
        expected["stream_options"] = nil
        #expect(try JSONValue(parsing: azure(settings).request(for: prompt).body) == .object(expected))
    }

    @Test("An API version from before usage in streams is not asked for it")
    func olderVersion() throws {
        let settings = "api_version: 2024-06-01\ntoken_limit_field: max_tokens\nparameters: { max_output_tokens: 9 }"
        let body = try JSONValue(parsing: azure(settings).request(for: Self.prompt).body)
        #expect(body["stream_options"] == nil)
        #expect(body["max_tokens"] == 9)
        #expect(try JSONValue(parsing: azure().request(for: Self.prompt).body)["stream_options"] != nil)
    }

    @Test("A key goes into a header of its own, and a token into Authorization")
    func credentials() throws {
        func headers(_ provider: AzureOpenAIProvider) -> [String] {
            provider.request(for: Self.prompt).headers.map { "\($0.name): \($0.value)" }
        }
        #expect(try headers(azure()) == ["Content-Type: application/json", "api-key: test-key"])
        let file = FileManager.default.temporaryDirectory.appending(path: "token-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("first.token\n".utf8).write(to: file)
        let provider = try azure(credentials: "entra_token_file: \(file.path)")
        #expect(headers(provider).last == "Authorization: Bearer first.token")
        #expect(headers(provider).count == 2)
        try Data("second.token".utf8).write(to: file, options: .atomic)
        #expect(headers(provider).last == "Authorization: Bearer second.token")
        // Half written, and gone: the last one that was whole is used until there is another.
        for broken in ["", "a\r\nX-Evil: 1"] {
            try Data(broken.utf8).write(to: file)
            #expect(headers(provider).last == "Authorization: Bearer second.token")
        }
        try FileManager.default.removeItem(at: file)
        #expect(headers(provider).last == "Authorization: Bearer second.token")
        try Data("third.token".utf8).write(to: file)
        #expect(headers(provider).last == "Authorization: Bearer third.token")
        #expect(!String(reflecting: provider).contains("token\""))
    }

    @Test(
        "What is missing or contradicts itself is reported at start-up",
        arguments: [
            ("", "", "api_key, api_key_file or entra_token_file"),
            ("", "entra_token_file: /nowhere/token", "entra_token_file"),
            ("entra_token_file: /dev/null", "api_key: k", "found both"),
            ("api_version: newest", "api_key: k", "api_version"),
            ("parameters: { reasoning_effort: low }", "api_key: k", "2024-12-01-preview"),
            ("surface: v2", "api_key: k", "surface"), ("model: kestrel", "api_key: k", "model"),
        ])
    func mistakes(settings: String, credentials: String, named: String) {
        let report = #expect(throws: ConfigurationReport.self) { try azure(settings, credentials: credentials) }
        #expect(report?.description.contains(named) == true)
    }

    @Test("An endpoint that already names the API is refused", arguments: ["/openai", "/openai/v1/"])
    func endpoint(rest: String) throws {
        let yaml = "a: { endpoint: 'https://ward.test\(rest)', deployment: d, api_key: k }"
        let configuration = try Configuration.parse(yaml.utf8)
        _ = AzureOpenAIProvider(configuration.root.section("a"))
        let report = #expect(throws: ConfigurationReport.self) { try configuration.finish() }
        #expect(report?.description.contains("without '/openai'") == true)
    }
}
