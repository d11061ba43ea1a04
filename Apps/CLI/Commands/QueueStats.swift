import Arguments
import Core
import Persistence

/// `medstream queue stats`: how many jobs there are.
enum QueueStats {
    static let command: Command = Command(
        "stats", "Count the jobs by kind",
        details: "'delayed' wait for their time, 'leased' are in the hands of a worker, 'dead' could not be done.",
        examples: [
            Command.Example("medstream queue stats", "A table."),
            Command.Example("medstream queue stats --json | jq 'select(.dead > 0)'", "One object a line, by kind."),
        ],
        takes: Installation.parameters + [Shared.json],
        action: run)

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        await OpenQueues.use(arguments) { queues, terminal throws(StoreError) in
            var table = Table(["queue", "kind", "due", "delayed", "leased", "dead", "oldest"], words: 2)
            for named in queues.all {
                for kind in try await named.queue.statistics() {
                    if arguments[Shared.json] { terminal.write(json(kind, named.name).jsonText + "\n") }
                    table.add(
                        [named.name, kind.kind.rawValue]
                            + [kind.due, kind.delayed, kind.leased, kind.dead].map(String.init)
                            + [kind.oldest.map(\.description) ?? ""])
                }
            }
            if !arguments[Shared.json] { terminal.write(table.text) }
            return queues.exitCode
        }
    }

    private static func json(_ kind: KindStatistics, _ queue: String) -> JSONValue {
        var members: [String: JSONValue] = [
            "queue": .string(queue), "kind": .string(kind.kind.rawValue), "due": .int(Int64(kind.due)),
            "delayed": .int(Int64(kind.delayed)), "leased": .int(Int64(kind.leased)), "dead": .int(Int64(kind.dead)),
        ]
        members["oldest"] = kind.oldest.map { .string("\($0)") }
        members["oldest_lease"] = kind.oldestLease.map { .string("\($0)") }
        return .object(members)
    }
}
