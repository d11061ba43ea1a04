import Arguments
import Core
import StreamClient

/// `medstream chat`: one question, or a conversation.
enum Chat {
    static let command: Command = Command(
        "chat", "Ask a question, or talk",
        details: """
            With TEXT, or with text on standard input, asks once and ends with the answer. Without, on a terminal, talks \
            until /quit or Ctrl-D; /new begins another conversation, /help lists what else there is.

            Ctrl-C stops an answer and keeps the conversation; pressed again, or at the prompt, it ends the program. \
            When the connection drops, the answer is taken up where it was; no text is lost or shown twice.
            """,
        examples: [
            Command.Example("medstream chat", "Talk."),
            Command.Example("medstream chat \"What is a Wells score?\"", "Ask one question."),
            Command.Example("medstream chat --hide-reasoning < question.txt > answer.txt", "Ask from a script."),
            Command.Example(
                "medstream chat --json \"Hello\" | jq -r 'select(.panel == \"chat\").content'", "Read the events."),
        ],
        takes: [text, conversation, stage, Shared.server, Shared.reasoning, Shared.json],
        action: run)

    private static let text = Operand<String>("TEXT", "The question; standard input without it")
    private static let conversation = Option<ConversationID>(
        "conversation", "ID", "Go on with this conversation", expects: "the id of a conversation")
    private static let stage = Option<Kind>(
        "stage", "STAGE", "What the conversation is for", expects: "chat or onboarding", default: "chat",
        values: .oneOf(Kind.allCases.map(\.rawValue)))

    /// The stages that are conversations.
    private enum Kind: String, CaseIterable, LosslessStringConvertible {
        case chat, onboarding

        init?(_ description: String) { self.init(rawValue: description) }
        var description: String { rawValue }

        var stage: Stage {
            switch self {
            case .chat: .chat
            case .onboarding: .onboarding
            }
        }
    }

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        let server = try Shared.server(arguments)
        let format = Shared.format(arguments)
        var question = ChatClient.Question(
            "", in: arguments[conversation], stage: arguments[stage]?.stage ?? .chat)
        if arguments[text] == nil, Terminal().isInputInteractive {
            guard format != .json else { throw UsageError("--json needs TEXT, or text on standard input") }
            var conversation = await Conversation(with: server, question, as: format)
            return await conversation.run()
        }
        question.text = try Shared.text(arguments[text])
        return await Session(with: server).ask(question, as: format).exitCode
    }
}
