internal import Core
internal import Providers

/// Writes the body of a request.
struct GeminiRequest {
    var parameters: ModelParameters
    var options: GeminiOptions

    func body(for prompt: Prompt) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        let instructions = prompt.messages.filter { $0.role == .system }
        if !instructions.isEmpty {
            writer.name("systemInstruction")
            write(nil, instructions.map(\.text), into: &writer)
        }
        writer.name("contents")
        writer.beginArray()
        for message in prompt.messages where message.role != .system {
            // Any other name is refused, `assistant` too.
            write(message.role == .assistant ? "model" : "user", [message.text], into: &writer)
        }
        writer.endArray()
        let configuration = configuration
        if !configuration.isEmpty {
            writer.name("generationConfig")
            writer.value(configuration)
        }
        if !options.safety.isEmpty {
            writer.name("safetySettings")
            writer.value(.array(options.safety.map(Self.setting)))
        }
        writer.endObject()
        return writer.bytes
    }

    private func write(_ role: String?, _ texts: [String], into writer: inout JSONWriter) {
        writer.beginObject()
        if let role {
            writer.name("role")
            writer.value(role)
        }
        writer.name("parts")
        writer.beginArray()
        for text in texts {
            writer.beginObject()
            writer.name("text")
            writer.value(text)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }

    private static func setting(_ category: String, _ threshold: String) -> JSONValue {
        ["category": .string(category), "threshold": .string(threshold)]
    }

    private var configuration: [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        members["temperature"] = parameters.temperature.map(JSONValue.double)
        members["topP"] = parameters.topP.map(JSONValue.double)
        members["presencePenalty"] = parameters.presencePenalty.map(JSONValue.double)
        members["frequencyPenalty"] = parameters.frequencyPenalty.map(JSONValue.double)
        members["maxOutputTokens"] = parameters.maxOutputTokens.map { .int(Int64($0)) }
        members["seed"] = parameters.seed.map { .int(Int64($0)) }
        if !parameters.stop.isEmpty { members["stopSequences"] = .array(parameters.stop.map(JSONValue.string)) }
        var thinking: [String: JSONValue] = [:]
        thinking["thinkingLevel"] = parameters.reasoningEffort.map { .string($0.uppercased()) }
        // Models know one of the two; a request's own word counts before the configuration's.
        if parameters.reasoningEffort == nil {
            thinking["thinkingBudget"] = options.thinkingBudget.map { .int(Int64($0)) }
        }
        thinking["includeThoughts"] = options.includesThoughts.map(JSONValue.bool)
        if !thinking.isEmpty { members["thinkingConfig"] = .object(thinking) }
        return members
    }
}
