import Arguments
import Core
import Persistence

/// `medstream queue show`: all about one job.
enum QueueShow {
    static let command: Command = Command(
        "show", "Show a job with its history",
        details: """
            What the job holds may be what a user wrote: it is shown with --payload alone, which is written into the \
            audit with your name.
            """,
        examples: [
            Command.Example("medstream queue show 0199a2f4-…", "Why is it dead?"),
            Command.Example("medstream queue show 0199a2f4-… --payload", "What does it hold?"),
        ],
        takes: [QueueArguments.job, payload] + Installation.parameters + [Shared.json],
        action: run)

    private static let payload = Flag("payload", "Print what the job holds too")

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        guard let id = arguments[QueueArguments.job] else { throw UsageError("JOB is missing") }
        return await OpenQueues.use(arguments) { queues, terminal throws(StoreError) in
            var found: (record: JobRecord, queue: (name: String, queue: any JobQueue))?
            for named in queues.all where found == nil {
                if let record = try await record(id, in: named.queue) { found = (record, named) }
            }
            guard let found else { throw .notFound }
            var text: String??
            if arguments[payload] {
                text = try await found.queue.queue.reveal(id, by: QueueArguments.actor).map {
                    String(decoding: $0, as: UTF8.self)
                }
            }
            terminal.write(
                arguments[Shared.json]
                    ? json(found.record, found.queue.name, text) : plain(found.record, found.queue.name, text))
            return ExitCode.done
        }
    }

    private static func record(_ id: JobID, in queue: any JobQueue) async throws(StoreError) -> JobRecord? {
        do throws(StoreError) {
            return try await queue.job(id)
        } catch {
            guard case .notFound = error else { throw error }
            return nil
        }
    }

    private static func json(_ job: JobRecord, _ queue: String, _ payload: String??) -> String {
        guard case .object(var members) = job.json(in: queue) else { return "" }
        if let payload { members["payload"] = payload.map(JSONValue.string) ?? .null }
        return JSONValue.object(members).jsonText + "\n"
    }

    private static func plain(_ job: JobRecord, _ queue: String, _ payload: String??) -> String {
        let facts: [(String, String?)] = [
            ("id", job.id.text), ("queue", queue), ("kind", job.kind.rawValue), ("state", job.state.rawValue),
            ("unique key", job.uniqueKey), ("group", job.group), ("priority", "\(job.priority)"),
            ("attempts", String(job.attempt)), ("deliveries", String(job.deliveries)),
            ("created", job.createdAt.description), ("due", job.dueAt?.description),
            ("worker", job.worker?.text), ("died", job.diedAt?.description),
            ("payload", "\(job.payloadBytes) bytes, sealed"),
        ]
        var table = Table(["what", "value"], words: 2)
        for (name, value) in facts { if let value { table.add([name, value]) } }
        var text = table.text
        if !job.failures.isEmpty {
            var history = Table(["failed at", "reason"], words: 2)
            for failure in job.failures { history.add([failure.at.description, failure.reason.description]) }
            text += "\n" + history.text
        }
        if let payload { text += "\n" + (payload ?? "No key opens the payload; see 'medstream keys show'.") + "\n" }
        return text
    }
}
