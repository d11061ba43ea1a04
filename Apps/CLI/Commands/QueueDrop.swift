import Arguments
import Core
import Persistence

/// `medstream queue drop`: one dead letter, for good.
enum QueueDrop {
    static let command: Command = Command(
        "drop", "Delete a dead letter for good",
        details: """
            What it holds is gone then: a turn that was told to its user as saved may be. Your name is written into the \
            audit. Nothing is done without --yes.
            """,
        examples: [
            Command.Example("medstream queue show 0199a2f4-… --payload", "Look first."),
            Command.Example("medstream queue drop 0199a2f4-… --yes", "Then delete it."),
        ],
        takes: [QueueArguments.job, QueueArguments.yes] + Installation.parameters + [Shared.json],
        action: run)

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        guard let id = arguments[QueueArguments.job] else { throw UsageError("JOB is missing") }
        guard arguments[QueueArguments.yes] else {
            throw UsageError("dropping deletes what the job holds for good; add --yes to do it")
        }
        return await OpenQueues.use(arguments) { queues, terminal throws(StoreError) in
            try await queues.first { queue throws(StoreError) in try await queue.drop(id, by: QueueArguments.actor) }
            terminal.write(
                arguments[Shared.json]
                    ? JSONValue.object(["id": .string(id.text), "dropped": true]).jsonText + "\n" : "\(id): dropped\n")
            return ExitCode.done
        }
    }
}

/// `medstream queue audit`: who dropped what, and who looked into what.
enum QueueAudit {
    static let command: Command = Command(
        "audit", "List who dropped dead letters and who looked at payloads",
        details: "The last 1000 acts, newest first. With --json, one object a line.",
        examples: [Command.Example("medstream queue audit", "Who did what?")],
        takes: Installation.parameters + [Shared.json],
        action: run)

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        await OpenQueues.use(arguments) { queues, terminal throws(StoreError) in
            var table = Table(["at", "who", "did", "job", "kind"], words: 5)
            var count = 0
            for named in queues.all {
                for entry in try await named.queue.audit(limit: 1000) {
                    let facts = [
                        entry.at.description, entry.actor, entry.action.rawValue, entry.job.text, entry.kind.rawValue,
                    ]
                    if arguments[Shared.json] {
                        let members = zip(["at", "actor", "action", "job", "kind"], facts.map(JSONValue.string))
                        let object = JSONValue.object(Dictionary(members) { first, _ in first })
                        terminal.write(object.jsonText + "\n")
                    }
                    table.add(facts)
                    count += 1
                }
            }
            if !arguments[Shared.json] { terminal.write(count == 0 ? "Nobody did anything yet.\n" : table.text) }
            return queues.exitCode
        }
    }
}
