internal import Core
internal import Providers

/// Writes the body of a request to Converse or ConverseStream; the model stands in the path, not here.
struct ConverseRequest: Sendable {
    var parameters: ModelParameters
    /// The model's own parameters, which Converse hands on as they are.
    var modelFields: [String: JSONValue] = [:]
    var guardrail: Guardrail?

    /// A guardrail of the account, which checks prompt and answer.
    struct Guardrail: Sendable {
        var identifier: String
        var version: String
        /// Whether text waits for the check (`sync`) or is sent before it (`async`); Amazon's choice where absent.
        var streamMode: String?
    }

    func body(for prompt: Prompt) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("messages")
        writer.value(.array(turns(of: prompt)))
        let system = prompt.messages.filter { $0.role == .system && !Self.isBlank($0.text) }
        if !system.isEmpty {
            writer.name("system")
            writer.value(.array(system.map(Self.block)))
        }
        let parameters = parameters.overridden(by: prompt.parameters)
        let members: [(String, [String: JSONValue])] = [
            ("inferenceConfig", Self.inference(parameters)), ("outputConfig", Self.output(parameters)),
            ("additionalModelRequestFields", modelFields),
            ("guardrailConfig", guardrail(prompt)),
        ]
        for (name, value) in members where !value.isEmpty {
            writer.name(name)
            writer.value(value)
        }
        writer.endObject()
        return writer.bytes
    }

    /// Converse refuses blank texts, and models refuse two turns of one role: what follows in a role goes into the same
    /// turn as a block of its own.
    private func turns(of prompt: Prompt) -> [JSONValue] {
        var turns: [(role: Prompt.Role, blocks: [JSONValue])] = []
        for message in prompt.messages where message.role != .system && !Self.isBlank(message.text) {
            if let last = turns.indices.last, turns[last].role == message.role {
                turns[last].blocks.append(Self.block(message))
            } else {
                turns.append((message.role, [Self.block(message)]))
            }
        }
        return turns.map { ["role": .string($0.role.rawValue), "content": .array($0.blocks)] }
    }

    private static func block(_ message: Prompt.Message) -> JSONValue { ["text": .string(message.text)] }

    private static func isBlank(_ text: String) -> Bool { text.allSatisfy(\.isWhitespace) }

    private static func inference(_ parameters: ModelParameters) -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        members["maxTokens"] = parameters.maxOutputTokens.map { .int(Int64($0)) }
        members["temperature"] = parameters.temperature.map(JSONValue.double)
        members["topP"] = parameters.topP.map(JSONValue.double)
        if !parameters.stop.isEmpty { members["stopSequences"] = .array(parameters.stop.map(JSONValue.string)) }
        return members
    }

    private static func output(_ parameters: ModelParameters) -> [String: JSONValue] {
        parameters.reasoningEffort.map { ["effort": .string($0)] } ?? [:]
    }

    private func guardrail(_ prompt: Prompt) -> [String: JSONValue] {
        guard let guardrail else { return [:] }
        var members: [String: JSONValue] = [
            "guardrailIdentifier": .string(guardrail.identifier), "guardrailVersion": .string(guardrail.version),
        ]
        if prompt.streams { members["streamProcessingMode"] = guardrail.streamMode.map(JSONValue.string) }
        return members
    }
}
