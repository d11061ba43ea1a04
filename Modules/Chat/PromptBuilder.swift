import Core
import Persistence

/// Puts a prompt together: the system prompt, as much of the conversation as fits, and the new message.
struct PromptBuilder: Sendable {
    let settings: ChatSettings

    /// The prompt for a new message, which is always part of it, after a history that is newest first.
    func prompt(_ text: String, after history: [Message], stage: Stage, streams: Bool) -> Prompt {
        var room = settings.historyLimit - cost(text)
        var kept: [Prompt.Message] = []
        for message in history where !message.text.isEmpty {
            room -= cost(message.text)
            // A gap in the middle of a conversation would mislead the model: the first that does not fit ends it.
            guard room >= 0 else { break }
            kept.append(Prompt.Message(message.role, message.text))
        }
        // A conversation that opens with an answer to nothing misleads as well, and some providers refuse it.
        while kept.last?.role == .assistant { kept.removeLast() }
        var messages = kept.reversed() + [Prompt.Message(.user, text)]
        if let system = settings.prompts[stage], !system.isEmpty { messages.insert(.init(.system, system), at: 0) }
        return Prompt(messages, stage: stage, streams: streams)
    }

    /// How much of the history limit a text takes.
    func cost(_ text: String) -> Int {
        switch settings.historyUnit {
        case .characters: text.count
        case .tokens: (text.utf8.count + 3) / 4
        }
    }
}
