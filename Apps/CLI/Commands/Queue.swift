import Arguments

/// `medstream queue`: what is left to do, and what could not be done.
enum QueueCommand {
    static let command: Command = Command(
        "queue", "Look after the jobs that wait, and those that could not be done",
        details: """
            Opens the queue itself, beside the server and the workers. A dead letter is a job that failed too often; it \
            keeps all it holds until it is replayed or dropped. docs/queue.md tells the whole story.
            """,
        examples: [
            Command.Example("medstream queue stats", "How many jobs of which kind are there?"),
            Command.Example("medstream queue list", "Which jobs could not be done?"),
            Command.Example("medstream queue replay-all --kind save_turn", "Try all of them again."),
        ],
        subcommands: [
            QueueStats.command, QueueList.command, QueueShow.command, QueueReplay.command, QueueReplayAll.command,
            QueueDrop.command, QueueAudit.command,
        ])
}
