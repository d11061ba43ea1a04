import Arguments

/// `medstream completion`.
enum Completion {
    static let command: Command = Command(
        "completion", "Print a script that lets a shell complete medstream's commands and options",
        examples: [
            Command.Example("source <(medstream completion bash)", "For this bash."),
            Command.Example(
                "medstream completion zsh > ~/.zfunc/_medstream", "For every zsh, with ~/.zfunc in $fpath."),
            Command.Example(
                "medstream completion fish > ~/.config/fish/completions/medstream.fish", "For every fish."),
        ],
        takes: [shell],
        action: { arguments throws(UsageError) in
            guard let shell = arguments[shell] else { throw UsageError("SHELL is missing") }
            Terminal().write(shell.text(for: program))
            return ExitCode.done
        })

    private static let shell = Operand<CompletionScript>(
        "SHELL", "The shell", expects: "bash, zsh or fish", isRequired: true,
        values: .oneOf(CompletionScript.allCases.map(\.rawValue)))
}
