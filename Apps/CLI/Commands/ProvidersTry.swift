import Arguments
import Core
import Providers
import Reactor

/// `medstream providers try`: one answer of one provider.
enum ProvidersTry {
    static let command: Command = Command(
        "try", "Ask one provider, and show the answer as it comes",
        details: """
            Sends TEXT, or standard input without it, to the provider itself: no server is needed, no system prompt is \
            added and nothing is stored. Tokens, cost and times follow on standard error. Ctrl-C stops the answer.

            With --json the events are those of 'medstream chat --json', without ids.
            """,
        examples: [
            Command.Example("medstream providers try demo \"What is a Wells score?\"", "Ask."),
            Command.Example(
                "medstream providers try main --system \"Answer in French.\" Hello", "With a system prompt."),
            Command.Example(
                "medstream providers try main --continue \"1, 2, 3,\" \"Count to ten.\"",
                "Does it go on with an answer that another began?"),
        ],
        takes: [
            name, text, system, beginning, batch, ProvidersCommand.config, Config.overrides, Shared.reasoning,
            Shared.json,
        ],
        action: run)

    private static let name = Operand<String>("NAME", "The provider", isRequired: true)
    private static let text = Operand<String>("TEXT", "What to say; standard input without it")
    private static let system = Option<String>("system", "TEXT", "A system prompt; none without it")
    private static let beginning = Option<String>(
        "continue", "TEXT", "A beginning of the answer, for the model to go on from")
    private static let batch = Flag("batch", "Ask for the whole answer at once")

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        guard let setup = ProvidersCommand.setup(arguments) else { return ExitCode.configuration }
        guard let name = arguments[name] else { throw UsageError("NAME is missing") }
        let facts = try setup.provider(name)
        let beginning = arguments[beginning] ?? ""
        if !beginning.isEmpty, !facts.provider.capabilities.assistantPrefill {
            throw UsageError("'\(name)' cannot go on from a beginning; leave out --continue")
        }
        let messages =
            (arguments[system].map { [Prompt.Message(.system, $0)] } ?? [])
            + [Prompt.Message(.user, try Shared.text(arguments[text]))]
        let prompt = Prompt(messages, streams: !arguments[batch], answerSoFar: beginning)
        let loop = EventLoop()
        loop.start()
        let call = DirectCall(facts.provider, prompt, on: loop)
        let interrupts = CallInterrupts(on: loop, cancelling: call)
        await interrupts.start()
        var trial = Trial(of: facts, at: setup.prices, as: Shared.format(arguments))
        for await (piece, after) in call.pieces { trial.take(piece, after) }
        return trial.exitCode
    }
}
