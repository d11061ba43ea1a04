import Arguments
import Core
import Persistence

/// `medstream queue list`: which jobs there are.
enum QueueList {
    static let command: Command = Command(
        "list", "List jobs, the dead letters unless told otherwise",
        details: "In the order they were made in. With --json, one object a line, as 'show' prints it.",
        examples: [
            Command.Example("medstream queue list", "The dead letters."),
            Command.Example("medstream queue list --state ready --kind save_turn", "Turns that wait for the store."),
            Command.Example("medstream queue list --json | jq -r .id", "Ids, for a script."),
        ],
        takes: [state, QueueArguments.kind, limit] + Installation.parameters + [Shared.json],
        action: run)

    private static let state = Option<String>(
        "state", "STATE", "ready, leased or dead; dead without it", values: .oneOf(JobState.allCases.map(\.rawValue)))
    private static let limit = Option<Int>(
        "limit", "N", "The most jobs to list; 100 without it", expects: "a whole number from 1")

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        let state = arguments[state].flatMap(JobState.init) ?? .dead
        let limit = arguments[limit] ?? 100
        guard limit >= 1 else { throw UsageError("--limit takes a whole number from 1") }
        return await OpenQueues.use(arguments) { queues, terminal throws(StoreError) in
            var table = Table(["id", "kind", "attempts", "created", "reason"], words: 2)
            var (count, isCut) = (0, false)
            for named in queues.all {
                var cursor: String?
                repeat {
                    let page = try await named.queue.jobs(
                        in: state, of: arguments[QueueArguments.kind], after: cursor, limit: min(500, limit - count))
                    for job in page.items {
                        if arguments[Shared.json] { terminal.write(job.json(in: named.name).jsonText + "\n") }
                        table.add(row(job))
                    }
                    count += page.items.count
                    cursor = page.next
                    isCut = cursor != nil
                } while cursor != nil && count < limit
                if count >= limit { break }
            }
            if !arguments[Shared.json] {
                terminal.write(count == 0 ? "No job is \(state.rawValue).\n" : table.text)
                if isCut { terminal.note("There are more; --limit shows them.") }
            }
            return queues.exitCode
        }
    }

    private static func row(_ job: JobRecord) -> [String] {
        [
            job.id.text, job.kind.rawValue, String(job.attempt), job.createdAt.description,
            job.failures.last?.reason.description ?? "",
        ]
    }
}
