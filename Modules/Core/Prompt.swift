/// One request to a model, in no provider's dialect.
public struct Prompt: Sendable, Hashable {
    /// The conversation so far, oldest first; the last is what the model answers.
    public var messages: [Message]
    /// Whether the answer is wanted piece by piece, or at once at its end.
    public var streams: Bool
    /// Which prompts a scripted provider should answer; others ignore it.
    public var stage: Stage

    public init(_ messages: [Message], stage: Stage = .chat, streams: Bool = true) {
        self.messages = messages
        self.stage = stage
        self.streams = streams
    }

    public struct Message: Sendable, Hashable {
        public var role: Role
        public var text: String

        public init(_ role: Role, _ text: String) {
            self.role = role
            self.text = text
        }
    }

    public enum Role: String, Sendable, Hashable, CaseIterable {
        case system, user, assistant
    }
}
