internal import Core
internal import Providers

/// Writes the body of a request.
struct ChatRequest {
    private let settings: ProviderSettings
    private let profile: ChatCompletions.Profile
    /// The mark that goes with the beginning of an answer; `nil` where an answer is to begin.
    private let prefill: ChatCompletions.Prefill?
    private let prompt: Prompt
    /// In place of ours of the same name.
    private let extraBody: [String: JSONValue]

    init(_ prompt: Prompt, _ settings: ProviderSettings, _ profile: ChatCompletions.Profile) {
        self.prompt = prompt
        self.settings = settings
        self.profile = profile
        prefill = prompt.answerSoFar.isEmpty ? nil : profile.prefill
        extraBody = profile.extraBody.merging(prefill?.body ?? [:], uniquingKeysWith: Self.merged)
    }

    var body: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        member("model", &writer) { $0.value(settings.model) }
        member("messages", &writer) { writeMessages(into: &$0) }
        if prompt.streams {
            member("stream", &writer) { $0.value(true) }
            if profile.asksForUsage { member("stream_options", &writer) { $0.value(["include_usage": true]) } }
        }
        writeParameters(into: &writer)
        writeMembers(extraBody, into: &writer)
        writer.endObject()
        return writer.bytes
    }

    /// The mark counts, member by member where both are objects.
    private static func merged(_ given: JSONValue, _ mark: JSONValue) -> JSONValue {
        guard let old = given.object, let new = mark.object else { return mark }
        return .object(old.merging(new) { _, new in new })
    }

    private func member(_ name: String, _ writer: inout JSONWriter, _ write: (inout JSONWriter) -> Void) {
        guard extraBody[name] == nil else { return }
        writer.name(name)
        write(&writer)
    }

    private func writeMessages(into writer: inout JSONWriter) {
        writer.beginArray()
        for message in prompt.messages { write(message, [:], into: &writer) }
        if let prefill { write(Prompt.Message(.assistant, prompt.answerSoFar), prefill.message, into: &writer) }
        writer.endArray()
    }

    private func write(_ message: Prompt.Message, _ more: [String: JSONValue], into writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("role")
        writer.value(message.role.rawValue)
        writer.name("content")
        writer.value(message.text)
        writeMembers(more, into: &writer)
        writer.endObject()
    }

    private func writeMembers(_ members: [String: JSONValue], into writer: inout JSONWriter) {
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            writer.name(name)
            writer.value(value)
        }
    }

    private func writeParameters(into writer: inout JSONWriter) {
        let parameters = settings.parameters(for: prompt)
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
