/// One request to a model, in no provider's dialect.
public struct Prompt: Sendable, Hashable {
    /// The conversation so far, oldest first; the last is what the model answers.
    public var messages: [Message]
    /// Whether the answer is wanted piece by piece, or at once at its end.
    public var streams: Bool
    /// Which prompts a scripted provider should answer; others ignore it.
    public var stage: Stage
    /// The beginning of the answer, which the model is to continue as if it had said it; empty for a new answer.
    ///
    /// What comes back is the rest alone. It stands apart from ``messages``, because every dialect marks it in a way of
    /// its own; a provider that cannot continue a text ignores it.
    public var answerSoFar: String
    /// How the model is asked to answer this time; what is not given here is as the provider's settings say.
    ///
    /// What a provider's API has no word for is not sent.
    public var parameters: ModelParameters {
        get { given?.parameters ?? ModelParameters() }
        set { given = newValue == ModelParameters() ? nil : Given(newValue) }
    }
    /// Apart, because most prompts have none, and the frames of waiting tasks hold a prompt each.
    private var given: Given?

    public init(
        _ messages: [Message], stage: Stage = .chat, streams: Bool = true, answerSoFar: String = "",
        parameters: ModelParameters = ModelParameters()
    ) {
        self.messages = messages
        self.stage = stage
        self.streams = streams
        self.answerSoFar = answerSoFar
        self.parameters = parameters
    }

    private final class Given: Sendable, Hashable {
        let parameters: ModelParameters

        init(_ parameters: ModelParameters) { self.parameters = parameters }

        static func == (left: Given, right: Given) -> Bool { left.parameters == right.parameters }
        func hash(into hasher: inout Hasher) { hasher.combine(parameters) }
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
