internal import Core
internal import Providers

/// Writes the body of a request to `POST /messages`.
struct MessageRequest {
    private let prompt: Prompt
    private let settings: ProviderSettings
    private let options: MessageOptions
    /// The beginning of the answer as the API takes it, which refuses white space at its end.
    private let beginning: Substring

    init(_ prompt: Prompt, _ settings: ProviderSettings, _ options: MessageOptions) {
        self.prompt = prompt
        self.settings = settings
        self.options = options
        let text = options.takesPrefill ? prompt.answerSoFar[...] : ""
        beginning = text.lastIndex { !$0.isWhitespace }.map { text[...$0] } ?? ""
    }

    var body: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("model")
        writer.value(settings.model)
        writer.name("max_tokens")
        writer.value(prompt.parameters.maxOutputTokens ?? options.maxTokens)
        writeConversation(into: &writer)
        if prompt.streams {
            writer.name("stream")
            writer.value(true)
        }
        writeParameters(into: &writer)
        // A model that is to continue an answer cannot think before it.
        if beginning.isEmpty { write(options.thinking, into: &writer) }
        writer.endObject()
        return writer.bytes
    }

    /// The API knows no system messages among the others.
    private func writeConversation(into writer: inout JSONWriter) {
        let system = prompt.messages.filter { $0.role == .system }.map(\.text)
        if !system.isEmpty {
            writer.name("system")
            writer.value(system.joined(separator: "\n\n"))
        }
        writer.name("messages")
        writer.beginArray()
        for message in prompt.messages where message.role != .system {
            write(message.role, message.text, into: &writer)
        }
        if !beginning.isEmpty { write(.assistant, String(beginning), into: &writer) }
        writer.endArray()
    }

    private func write(_ role: Prompt.Role, _ text: String, into writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("role")
        writer.value(role.rawValue)
        writer.name("content")
        writer.value(text)
        writer.endObject()
    }

    private func writeParameters(into writer: inout JSONWriter) {
        let parameters = settings.parameters(for: prompt)
        for (name, number) in [("temperature", parameters.temperature), ("top_p", parameters.topP)] {
            guard let number else { continue }
            writer.name(name)
            writer.value(number)
        }
        if !parameters.stop.isEmpty {
            writer.name("stop_sequences")
            writer.value(.array(parameters.stop.map(JSONValue.string)))
        }
        if let effort = parameters.reasoningEffort {
            writer.name("output_config")
            writer.value(["effort": .string(effort)])
        }
    }

    private func write(_ thinking: MessageOptions.Thinking, into writer: inout JSONWriter) {
        guard thinking.kind != .unsaid else { return }
        writer.name("thinking")
        writer.beginObject()
        writer.name("type")
        writer.value(thinking.kind.rawValue)
        if let budget = thinking.budget {
            writer.name("budget_tokens")
            writer.value(budget)
        }
        if let display = thinking.display {
            writer.name("display")
            writer.value(display)
        }
        writer.endObject()
    }
}
