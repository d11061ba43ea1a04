import Core
import Foundation
import TestSupport

/// A configuration whose providers answer as a test tells them to, over real connections.
final class ProviderSetup {
    /// What must never be printed.
    static let key = "sk-never-to-be-printed-1234"
    static let words = ["1, ", "2, ", "3"]

    /// An entry for the demo, which speaks at once.
    static var demo: String {
        let scripts = ["chat", "onboarding", "workflow"].map {
            "\($0): \"\(Reference.packageRoot.appending(path: "config/demo/\($0).yaml").path)\""
        }
        return
            "{ kind: demo, first_word_after: 0s, words_per_second: 0, scripts: { \(scripts.joined(separator: ", ")) } }"
    }

    let server: ScriptedServer
    let file: ConfigTests.File

    /// `settings` stand below the provider `main`; `more` at the outermost level.
    init(
        settings: String = "", more: String = "", kind: String = "openai",
        _ script: @escaping @Sendable (ScriptedServer.Request) -> [ScriptedServer.Step] = { _ in
            ProviderSetup.streamed()
        }
    ) throws {
        server = try ScriptedServer(script)
        file = try ConfigTests.File(
            """
            providers:
              main:
                kind: \(kind)
                base_url: \(server.url)/v1
                model: kestrel-2
                api_key: \(Self.key)
            \(settings)
            routes: { chat: [main], onboarding: [main] }
            prices: { main/*: { input: 1, output: 2, currency: EUR } }
            \(more)
            """)
    }

    /// Runs `medstream providers …` with this configuration.
    func run(_ arguments: String...) async throws -> Execution.Result {
        try await Medstream.run(["providers"] + arguments + ["--config", file.path])
    }

    /// An answer of the Chat Completions dialect, piece by piece.
    static func streamed(
        reasoning: [String] = [], _ words: [String] = words, finish: String = "stop", usage: Bool = true,
        isWhole: Bool = true
    ) -> [ScriptedServer.Step] {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        func chunk(_ delta: JSONValue, _ finish: JSONValue = .null) -> String {
            let choice: JSONValue = ["index": 0, "delta": delta, "finish_reason": finish]
            let chunk: JSONValue = ["id": "c", "model": "kestrel-2-2026", "choices": [choice]]
            return "data: \(chunk.jsonText)\n\n"
        }
        let thoughts = reasoning.map { chunk(["reasoning_content": .string($0)]) }
        var text = head + (thoughts + words.map { chunk(["content": .string($0)]) }).joined()
        guard isWhole else { return [.send(text), .close] }
        text += chunk([:], .string(finish))
        if usage {
            let counts: JSONValue = ["prompt_tokens": 1_200, "completion_tokens": 34, "total_tokens": 1_234]
            text += "data: \(JSONValue.object(["id": "c", "choices": [], "usage": counts]).jsonText)\n\n"
        }
        return [.send(text + "data: [DONE]\n\n"), .close]
    }

    /// An answer that comes at once.
    static func whole(_ status: Int, _ body: String, type: String = "application/json") -> [ScriptedServer.Step] {
        let head = "HTTP/1.1 \(status) It\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        return [.send(head + body)]
    }

    static func refusal(_ status: Int, _ code: String, _ message: String = "You sent \(key).") -> [ScriptedServer.Step]
    {
        whole(status, #"{"error":{"message":"\#(message)","type":"\#(code)","code":"\#(code)"}}"#)
    }
}
