import Configuration
import Core
import HTTPClient
import JSON
import ProviderOpenAICompatible
import Providers
import Testing

@Suite("The profiles of compatible servers")
struct ServerTests {
    static let begun = Prompt([.init(.user, "Is 39 °C high?")], answerSoFar: "Yes, it ")
    static let end: JSONValue = ["role": "assistant", "content": "Yes, it "]

    static func body(_ provider: any Dialect, _ prompt: Prompt = begun) throws -> JSONValue {
        try JSONValue(parsing: provider.request(for: prompt).body)
    }

    @Test(
        "A profile knows where its server is and what its limit of tokens is called",
        arguments: [
            ("ollama", "http://127.0.0.1:11434/v1", "max_tokens"), ("vllm", "http://127.0.0.1:8000/v1", "max_tokens"),
            ("llama_cpp", "http://127.0.0.1:8080/v1", "max_tokens"),
            ("groq", "https://api.groq.com/openai/v1", "max_completion_tokens"),
            ("openrouter", "https://openrouter.ai/api/v1", "max_tokens"),
            ("generic", "http://model.test/v1", "max_tokens"),
        ])
    func defaults(profile: String, url: String, limit: String) throws {
        let provider = try compatible(profile, "parameters: { max_output_tokens: 7 }")
        #expect(provider.request(for: Self.begun).url == "\(url)/chat/completions")
        #expect(try Self.body(provider)[limit] == 7)
        #expect(try Self.body(provider)["stream_options"] == ["include_usage": true])
    }

    @Test("A setting goes before the profile")
    func settings() throws {
        let settings = "base_url: http://gpu.test/v1\ntoken_limit_field: n_predict\nstream_options: false"
        let provider = try compatible("vllm", "\(settings)\nparameters: { max_output_tokens: 7 }")
        #expect(provider.request(for: Self.begun).url == "http://gpu.test/v1/chat/completions")
        #expect(try Self.body(provider)["n_predict"] == 7)
        #expect(try Self.body(provider)["stream_options"] == nil)
    }

    @Test(
        "Only services need a key",
        arguments: [
            ("ollama", false), ("vllm", false), ("llama_cpp", false), ("groq", true), ("openrouter", true),
        ])
    func key(profile: String, isNeeded: Bool) throws {
        let configuration = try Configuration.parse("main: { profile: \(profile), model: m }".utf8)
        let provider = OpenAICompatibleProvider(configuration.root.section("main"))
        #expect(provider.request(for: Self.begun).headers.map(\.name) == ["Content-Type"])
        guard isNeeded else { return try configuration.finish() }
        let report = #expect(throws: ConfigurationReport.self) { try configuration.finish() }
        #expect(report?.problems.map(\.path) == ["main.api_key"])
    }

    @Test("An unknown profile is answered with those that exist")
    func unknown() {
        let report = #expect(throws: ConfigurationReport.self) {
            try compatible("olama", "base_url: http://model.test/v1")
        }
        #expect(report?.problems.first?.description.contains("llama_cpp") == true)
    }

    @Test("Servers that continue an answer are told so in their own way")
    func prefill() throws {
        for profile in ["ollama", "groq", "llama_cpp", "vllm"] {
            let provider = try compatible(profile)
            #expect(provider.capabilities.assistantPrefill, "\(profile)")
            #expect(try Self.body(provider)["messages"]?.array?.last == Self.end, "\(profile)")
        }
        #expect(try Self.body(compatible("ollama")).object?.keys.contains("chat_template_kwargs") == false)
        let llama = try Self.body(compatible("llama_cpp", "extra_body: { chat_template_kwargs: { a: 1 } }"))
        #expect(llama["chat_template_kwargs"] == ["a": 1, "enable_thinking": false])
        let vllm = try Self.body(compatible("vllm"))
        #expect(vllm["continue_final_message"] == true)
        #expect(vllm["add_generation_prompt"] == false)
    }

    @Test("A new answer is asked for without any of that", arguments: ["ollama", "groq", "llama_cpp", "vllm"])
    func noPrefill(profile: String) throws {
        let body = try Self.body(compatible(profile), Prompt([.init(.user, "Is 39 °C high?")]))
        #expect(body["messages"]?.array?.count == 1)
        #expect(body.object?.keys.sorted() == ["messages", "model", "stream", "stream_options"])
    }

    @Test("Where it is not known to work, an answer is continued when the settings say so")
    func prefillSetting() throws {
        for profile in ["openrouter", "generic"] {
            let provider = try compatible(profile)
            #expect(!provider.capabilities.assistantPrefill, "\(profile)")
            #expect(try Self.body(provider)["messages"]?.array?.count == 1, "\(profile)")
            #expect(try Self.body(compatible(profile, "prefill: true"))["messages"]?.array?.last == Self.end)
        }
        #expect(try !compatible("vllm", "prefill: false").capabilities.assistantPrefill)
    }
}
