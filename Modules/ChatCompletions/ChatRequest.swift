internal import Core
internal import Providers

/// Writes the body of a request.
struct ChatRequest {
    var settings: ProviderSettings
    var profile: ChatCompletions.Profile

    func body(for prompt: Prompt) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        member("model", &writer) { $0.value(settings.model) }
        member("messages", &writer) { write(prompt.messages, into: &$0) }
        if prompt.streams {
            member("stream", &writer) { $0.value(true) }
            if profile.asksForUsage { member("stream_options", &writer) { $0.value(["include_usage": true]) } }
        }
        writeParameters(into: &writer)
        for (name, value) in profile.extraBody.sorted(by: { $0.key < $1.key }) {
            writer.name(name)
            writer.value(value)
        }
        writer.endObject()
        return writer.bytes
    }

    private func member(_ name: String, _ writer: inout JSONWriter, _ write: (inout JSONWriter) -> Void) {
        guard profile.extraBody[name] == nil else { return }
        writer.name(name)
        write(&writer)
    }

    private func write(_ messages: [Prompt.Message], into writer: inout JSONWriter) {
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

    private func writeParameters(into writer: inout JSONWriter) {
        let parameters = settings.parameters
        if let limit = parameters.maxOutputTokens { member(profile.tokenLimitField, &writer) { $0.value(limit) } }
        if profile.sendsSampling {
            let numbers = [
                ("temperature", parameters.temperature), ("top_p", parameters.topP),
                ("presence_penalty", parameters.presencePenalty), ("frequency_penalty", parameters.frequencyPenalty),
            ]
            for (name, number) in numbers {
                if let number { member(name, &writer) { $0.value(number) } }
            }
        }
        if !parameters.stop.isEmpty {
            member("stop", &writer) { $0.value(.array(parameters.stop.map(JSONValue.string))) }
        }
        if let seed = parameters.seed { member("seed", &writer) { $0.value(seed) } }
        if let effort = parameters.reasoningEffort { member("reasoning_effort", &writer) { $0.value(effort) } }
        if let verbosity = parameters.verbosity { member("verbosity", &writer) { $0.value(verbosity) } }
    }
}
