import Arguments

/// `medstream store`: what is kept, as a whole.
enum StoreCommand {
    static let command: Command = Command(
        "store", "Check what is kept, and say how much it is",
        details: "Opens the store that the configuration names, beside servers and workers that use it.",
        examples: [
            Command.Example("medstream store check", "Is everything as it was written?"),
            Command.Example("medstream store stats", "How much is there?"),
        ],
        subcommands: [StoreCheck.command, StoreStats.command])
}
