import Arguments

/// `medstream keys`: the keys that what is kept is sealed with.
enum Keys {
    static let command: Command = Command(
        "keys", "Make, show and change the keys of encryption at rest",
        details: """
            The newest key seals what is written now; all of them open what is there. Secrets are printed by --print \
            alone. docs/encryption.md tells what is sealed, and what to do when a key is lost.
            """,
        examples: [
            Command.Example("medstream keys show", "Which keys are there?"),
            Command.Example("medstream keys rotate", "Seal with a new key from now on."),
        ],
        subcommands: [
            KeysShow.command, KeysCreate.command, KeysRotate.command, KeysReencrypt.command, KeysRetire.command,
        ])
}
