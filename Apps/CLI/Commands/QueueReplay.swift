import Arguments
import Core
import Persistence

/// `medstream queue replay`: one dead letter, once more.
enum QueueReplay {
    static let command: Command = Command(
        "replay", "Put a dead letter back into the queue",
        details: """
            It keeps its old unique key, so that replaying what has been stored meanwhile has no effect, and gets a fresh \
            count of attempts.
            """,
        examples: [Command.Example("medstream queue replay 0199a2f4-…", "Try it again.")],
        takes: [QueueArguments.job] + Installation.parameters + [Shared.json],
        action: run)

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        guard let id = arguments[QueueArguments.job] else { throw UsageError("JOB is missing") }
        return await OpenQueues.use(arguments) { queues, terminal throws(StoreError) in
            let isBack = try await queues.first { queue throws(StoreError) in try await queue.replay(id) }
            if arguments[Shared.json] {
                terminal.write(
                    JSONValue.object(["id": .string(id.text), "replayed": .bool(isBack)]).jsonText + "\n")
            } else if isBack {
                terminal.write("\(id): back in the queue\n")
            }
            if !isBack {
                terminal.note(
                    "medstream: a job with the same unique key is in the queue already; the dead letter stays")
            }
            return isBack ? ExitCode.done : ExitCode.failed
        }
    }
}

/// `medstream queue replay-all`: all dead letters of a kind, once more.
enum QueueReplayAll {
    static let command: Command = Command(
        "replay-all", "Put all dead letters of one kind back into the queue",
        details: "Those whose unique key is in the queue already stay where they are.",
        examples: [Command.Example("medstream queue replay-all --kind save_turn", "After the cause was mended.")],
        takes: [QueueArguments.kind] + Installation.parameters + [Shared.json],
        action: run)

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        guard let kind = arguments[QueueArguments.kind] else {
            throw UsageError("--kind is missing; 'medstream queue stats' lists the kinds")
        }
        return await OpenQueues.use(arguments) { queues, terminal throws(StoreError) in
            var count = 0
            for named in queues.all { count += try await named.queue.replayAll(kind) }
            terminal.write(
                arguments[Shared.json]
                    ? JSONValue.object(["kind": .string(kind.rawValue), "replayed": .int(Int64(count))]).jsonText + "\n"
                    : "\(count) of \(kind) are back in the queue\n")
            return queues.exitCode
        }
    }
}
