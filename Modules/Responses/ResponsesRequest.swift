internal import Core
internal import Providers

/// Writes the body of a request.
struct ResponsesRequest {
    var settings: ProviderSettings
    var reasoningSummary: String?

    func body(for prompt: Prompt) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("model")
        writer.value(settings.model)
        write(prompt.messages, into: &writer)
        if prompt.streams {
            writer.name("stream")
            writer.value(true)
        }
        // Unless told otherwise the API keeps conversations for a month; clinical text is not to be kept.
        writer.name("store")
        writer.value(false)
        write(settings.parameters(for: prompt), into: &writer)
        writer.endObject()
        return writer.bytes
    }

    /// What the system says first are the instructions; later words of its stay where they were said.
    private func write(_ messages: [Prompt.Message], into writer: inout JSONWriter) {
        var messages = messages[...]
        if let first = messages.first, first.role == .system, messages.count > 1 {
            messages = messages.dropFirst()
            writer.name("instructions")
            writer.value(first.text)
        }
        writer.name("input")
        writer.beginArray()
        for message in messages {
            writer.beginObject()
            writer.name("role")
            writer.value(message.role.rawValue)
            writer.name("content")
            writer.value(message.text)
            writer.endObject()
        }
        writer.endArray()
    }

    private func write(_ parameters: ModelParameters, into writer: inout JSONWriter) {
        let numbers = [("temperature", parameters.temperature), ("top_p", parameters.topP)]
        for (name, number) in numbers {
            guard let number else { continue }
            writer.name(name)
            writer.value(number)
        }
        if let limit = parameters.maxOutputTokens {
            writer.name("max_output_tokens")
            writer.value(limit)
        }
        writeTexts([("effort", parameters.reasoningEffort), ("summary", reasoningSummary)], of: "reasoning", &writer)
        writeTexts([("verbosity", parameters.verbosity)], of: "text", &writer)
    }

    /// Writes an object of the texts that are given, if any is.
    private func writeTexts(_ texts: [(name: String, text: String?)], of name: String, _ writer: inout JSONWriter) {
        guard texts.contains(where: { $0.text != nil }) else { return }
        writer.name(name)
        writer.beginObject()
        for (name, text) in texts {
            guard let text else { continue }
            writer.name(name)
            writer.value(text)
        }
        writer.endObject()
    }
}
