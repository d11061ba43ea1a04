internal import ChatCompletions
internal import Core

/// Servers whose habits are known, each being a set of defaults that single settings lay themselves over.
enum Server: String, Sendable, CaseIterable {
    /// Nothing is known but the dialect.
    case generic
    case ollama, vllm
    case llamaCPP = "llama_cpp"
    case groq, openRouter = "openrouter"

    /// Where the server is found; `nil` where it must be said.
    ///
    /// Those that run at home listen on these ports unless they are told otherwise.
    var baseURL: String? {
        switch self {
        case .generic: nil
        case .ollama: "http://127.0.0.1:11434/v1"
        case .vllm: "http://127.0.0.1:8000/v1"
        case .llamaCPP: "http://127.0.0.1:8080/v1"
        case .groq: "https://api.groq.com/openai/v1"
        case .openRouter: "https://openrouter.ai/api/v1"
        }
    }

    /// Whether the server is a service that answers nobody without a key.
    var needsKey: Bool { self == .groq || self == .openRouter }

    var profile: ChatCompletions.Profile {
        // Ollama ignores the newer name, and Groq means to drop the older one.
        var profile = ChatCompletions.Profile(tokenLimitField: self == .groq ? "max_completion_tokens" : "max_tokens")
        switch self {
        case .generic: break
        case .ollama, .groq: profile.reasoningFields = ["reasoning"]
        // vLLM had the other name up to 0.10; OpenRouter takes either for the other.
        case .vllm, .openRouter: profile.reasoningFields = ["reasoning", "reasoning_content"]
        case .llamaCPP: profile.reasoningFields = ["reasoning_content"]
        }
        profile.prefill = prefill
        return profile
    }

    /// How an answer is continued; `nil` where a server does not say that it can.
    private var prefill: ChatCompletions.Prefill? {
        // A model that is to think first cannot continue: llama.cpp refuses it with status 400.
        let thoughtless: [String: JSONValue] = ["chat_template_kwargs": ["enable_thinking": false]]
        switch self {
        // Behind OpenRouter it is for each model to say.
        case .generic, .openRouter: return nil
        // They continue a last message of the assistant without being told.
        case .ollama, .groq: return .init()
        case .llamaCPP: return .init(body: thoughtless)
        case .vllm:
            let mark: [String: JSONValue] = ["continue_final_message": true, "add_generation_prompt": false]
            return .init(body: mark.merging(thoughtless) { mark, _ in mark })
        }
    }
}
