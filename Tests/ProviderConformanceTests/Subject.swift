import Configuration
import Core
import Foundation
import JSON
import ProviderAnthropic
import ProviderAzureOpenAI
import ProviderBedrock
import ProviderDeepSeek
import ProviderGemini
import ProviderOpenAI
import ProviderOpenAICompatible
import Providers
import TestSupport

/// A plugin that speaks HTTP, with the bytes of its vendor that the suite needs.
///
/// A new plugin is tested by adding it to ``all``.
struct Subject: Sendable, CustomStringConvertible {
    let type: any Provider.Type
    /// Lines of YAML beside `base_url`, `model` and the key.
    var settings = ""
    /// What the plugin calls `base_url` and `model`.
    var names = (url: "base_url", model: "model")
    /// The setting that holds the key.
    var key = "api_key"
    /// Whether the vendor says which model answers.
    var namesModel = true
    /// A streamed answer of some pieces of text, one event each, with its end.
    let stream: @Sendable ([String]) -> [[UInt8]]
    /// The same answer at once.
    let batch: @Sendable (String) -> String
    let streamType: String

    /// A plugin whose streams are text.
    init(
        type: any Provider.Type, settings: String = "", names: (url: String, model: String) = ("base_url", "model"),
        stream: @escaping @Sendable ([String]) -> [String],
        batch: @escaping @Sendable (String) -> String, streamType: String
    ) {
        self.type = type
        self.settings = settings
        self.names = names
        self.stream = { stream($0).map { Array($0.utf8) } }
        self.batch = batch
        self.streamType = streamType
    }

    /// A plugin whose streams are bytes.
    init(
        type: any Provider.Type, key: String, bytes stream: @escaping @Sendable ([String]) -> [[UInt8]],
        batch: @escaping @Sendable (String) -> String, streamType: String
    ) {
        self.type = type
        self.key = key
        namesModel = false
        self.stream = stream
        self.batch = batch
        self.streamType = streamType
    }

    var description: String { settings.isEmpty ? type.kind : "\(type.kind) (\(settings))" }

    static let all = [
        Subject(type: OpenAIProvider.self, stream: chatStream, batch: chatBatch, streamType: "text/event-stream"),
        Subject(
            type: OpenAIProvider.self, settings: "api: responses", stream: responsesStream, batch: responsesBatch,
            streamType: "text/event-stream; charset=utf-8"),
        Subject(
            type: OpenAICompatibleProvider.self, settings: "token_limit_field: max_tokens", stream: chatStream,
            batch: chatBatch, streamType: "text/event-stream; charset=utf-8"),
        Subject(
            type: AzureOpenAIProvider.self, names: ("endpoint", "deployment"), stream: chatStream, batch: chatBatch,
            streamType: "text/event-stream"),
        Subject(type: GeminiProvider.self, stream: geminiStream, batch: geminiBatch, streamType: "text/event-stream"),
        Subject(type: DeepSeekProvider.self, stream: chatStream, batch: chatBatch, streamType: "text/event-stream"),
        Subject(
            type: AnthropicProvider.self, stream: messageStream, batch: message,
            streamType: "text/event-stream; charset=utf-8"),
        Subject(
            type: BedrockProvider.self, key: "bearer_token", bytes: converseStream, batch: converseBatch,
            streamType: "application/vnd.amazon.eventstream"),
    ]

    /// The plugin with `server` as its vendor, and deadlines short enough to wait for.
    func provider(at url: String, _ settings: String = "") throws -> any Provider {
        let common = "kind: \(type.kind)\n\(names.url): \(url)/v1\n\(names.model): kestrel-2\n\(key): hush-123"
        let lines = "\(common)\n\(self.settings)\n\(settings)"
        let yaml = "subject:\n" + lines.split(separator: "\n").map { "  \($0)\n" }.joined()
        let configuration = try Configuration.parse(yaml.utf8)
        let provider = ProviderRegistry([type]).provider(configuration.root.section("subject"))
        try configuration.finish()
        guard let provider else { throw PlatformError(.internalError, "The registry made no provider.") }
        return provider
    }

    private static let chatStream: @Sendable ([String]) -> [String] = { pieces in
        func event(_ delta: JSONValue, _ finish: JSONValue = .null) -> String {
            let choice: JSONValue = ["index": 0, "delta": delta, "finish_reason": finish]
            return "data: \((["model": "kestrel-2", "choices": [choice]] as JSONValue).jsonText)\n\n"
        }
        return pieces.map { event(["content": .string($0)]) } + [event([:], "stop"), "data: [DONE]\n\n"]
    }

    private static let messageStream: @Sendable ([String]) -> [String] = { pieces in
        func event(_ type: String, _ members: [String: JSONValue]) -> String {
            let data = JSONValue.object(members.merging(["type": .string(type)]) { _, new in new })
            return "event: \(type)\ndata: \(data.jsonText)\n\n"
        }
        let start = event("message_start", ["message": ["model": "kestrel-2"]])
        let texts = pieces.map { event("content_block_delta", ["delta": ["type": "text_delta", "text": .string($0)]]) }
        let end = event("message_delta", ["delta": ["stop_reason": "end_turn"]]) + event("message_stop", [:])
        return [start + texts[0]] + texts.dropFirst() + [end]
    }

    private static let message: @Sendable (String) -> String = { text in
        let content: JSONValue = [["type": "text", "text": .string(text)]]
        return (["type": "message", "model": "kestrel-2", "content": content, "stop_reason": "end_turn"] as JSONValue)
            .jsonText
    }

    private static let chatBatch: @Sendable (String) -> String = { text in
        let choice: JSONValue = ["index": 0, "message": ["content": .string(text)], "finish_reason": "stop"]
        return (["model": "kestrel-2", "choices": [choice]] as JSONValue).jsonText
    }

    private static func geminiChunk(_ text: String, _ finish: JSONValue? = nil) -> JSONValue {
        var candidate: [String: JSONValue] = ["content": ["role": "model", "parts": [["text": .string(text)]]]]
        candidate["finishReason"] = finish
        return ["candidates": [.object(candidate)], "modelVersion": "kestrel-2"]
    }

    private static let geminiStream: @Sendable ([String]) -> [String] = { pieces in
        (pieces.map { geminiChunk($0) } + [geminiChunk("", "STOP")]).map { "data: \($0.jsonText)\r\n\r\n" }
    }

    private static let geminiBatch: @Sendable (String) -> String = { geminiChunk($0, "STOP").jsonText }

    private static let converseStream: @Sendable ([String]) -> [[UInt8]] = { pieces in
        let end = EventStreamWriter.event("messageStop", #"{"stopReason":"end_turn"}"#)
        return pieces.map { piece in
            let event: JSONValue = ["contentBlockIndex": 0, "delta": ["text": .string(piece)], "p": "abc"]
            return EventStreamWriter.event("contentBlockDelta", event.jsonText)
        } + [end]
    }

    private static let converseBatch: @Sendable (String) -> String = { text in
        let message: JSONValue = ["role": "assistant", "content": [["text": .string(text)]]]
        return (["output": ["message": message], "stopReason": "end_turn"] as JSONValue).jsonText
    }

    private static let responsesStream: @Sendable ([String]) -> [String] = { pieces in
        func event(_ type: String, _ members: [String: JSONValue]) -> String {
            let members = members.merging(["type": .string(type)]) { own, _ in own }
            return "event: \(type)\ndata: \(JSONValue.object(members).jsonText)\n\n"
        }
        let created = event("response.created", ["response": ["model": "kestrel-2", "status": "in_progress"]])
        let texts = pieces.map {
            event("response.output_text.delta", ["output_index": 0, "content_index": 0, "delta": .string($0)])
        }
        let completed = event("response.completed", ["response": ["model": "kestrel-2", "status": "completed"]])
        // One event each: the first comes with what goes before it.
        return ([created + (texts.first ?? "")] + texts.dropFirst()) + [completed]
    }

    private static let responsesBatch: @Sendable (String) -> String = { text in
        let part: JSONValue = ["type": "output_text", "text": .string(text)]
        let item: JSONValue = ["type": "message", "content": [part]]
        return (["model": "kestrel-2", "status": "completed", "output": [item]] as JSONValue).jsonText
    }
}

extension Subject {
    /// The head of a chunked response.
    static func head(_ status: String, _ type: String, _ more: String = "") -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\n\(more)Transfer-Encoding: chunked\r\n\r\n"
    }

    static func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

    static func chunk(_ bytes: [UInt8]) -> [UInt8] {
        Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
    }

    static let end = "0\r\n\r\n"
}

/// Asks a provider and reads the answer to its end, on a loop.
func ask(_ provider: any Provider, _ prompt: Prompt) async -> DecodedAnswer {
    await onLoop { actor in
        var answer = DecodedAnswer()
        do throws(PlatformError) {
            try await provider.answer(prompt, on: actor.loop) { answer.deltas.append($0) }
        } catch {
            answer.error = error
        }
        return answer
    }
}
