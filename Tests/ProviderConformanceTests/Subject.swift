import Configuration
import Core
import Foundation
import JSON
import ProviderOpenAI
import ProviderOpenAICompatible
import Providers
import TestSupport

/// A plugin that speaks HTTP, with the bytes of its vendor that the suite needs.
///
/// A new plugin is tested by adding it to ``all``.
struct Subject: Sendable, CustomStringConvertible {
    let type: any Provider.Type
    /// Lines of YAML beside `base_url`, `model` and `api_key`.
    var settings = ""
    /// A streamed answer of some pieces of text, one event each, with its end.
    let stream: @Sendable ([String]) -> [String]
    /// The same answer at once.
    let batch: @Sendable (String) -> String
    let streamType: String

    var description: String { settings.isEmpty ? type.kind : "\(type.kind) (\(settings))" }

    static let all = [
        Subject(type: OpenAIProvider.self, stream: chatStream, batch: chatBatch, streamType: "text/event-stream"),
        Subject(
            type: OpenAIProvider.self, settings: "api: responses", stream: responsesStream, batch: responsesBatch,
            streamType: "text/event-stream; charset=utf-8"),
        Subject(
            type: OpenAICompatibleProvider.self, settings: "token_limit_field: max_tokens", stream: chatStream,
            batch: chatBatch, streamType: "text/event-stream; charset=utf-8"),
    ]

    /// The plugin with `server` as its vendor, and deadlines short enough to wait for.
    func provider(at url: String, _ settings: String = "") throws -> any Provider {
        let common = "kind: \(type.kind)\nbase_url: \(url)/v1\nmodel: kestrel-2\napi_key: hush-123"
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

    private static let chatBatch: @Sendable (String) -> String = { text in
        let choice: JSONValue = ["index": 0, "message": ["content": .string(text)], "finish_reason": "stop"]
        return (["model": "kestrel-2", "choices": [choice]] as JSONValue).jsonText
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

    static let end = "0\r\n\r\n"
}

/// Asks a provider and reads the answer to its end, on a loop.
func ask(_ provider: any Provider, _ prompt: Prompt) async -> DecodedAnswer {
    await onLoop { actor in
        var answer = DecodedAnswer()
        let source = provider.open(prompt, on: actor.loop)
        var deltas: [Delta] = []
        do throws(PlatformError) {
            while try await source.next(into: &deltas) { answer.deltas += deltas }
        } catch {
            answer.error = error
        }
        return answer
    }
}
