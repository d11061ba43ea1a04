import Arguments
import Core
import Foundation
import Persistence
import Storage

/// The queues of an installation, opened beside the server and the workers that use them.
struct OpenQueues {
    let all: [(name: String, queue: any JobQueue)]
    /// Whether the store's own queue is missing, since the database cannot be reached.
    let isPartial: Bool

    /// The exit code of what was done in all queues.
    var exitCode: Int32 { isPartial ? ExitCode.unavailable : ExitCode.done }

    /// Runs a command on the queues; on the spool alone while the database cannot be reached.
    ///
    /// - Returns: the command's exit code, or that of what cannot be opened, which has been said then.
    static func use(
        _ arguments: Arguments, _ body: (OpenQueues, Terminal) async throws(StoreError) -> Int32
    ) async -> Int32 {
        guard let settings = Installation.settings(arguments) else { return ExitCode.configuration }
        return await Installation.reporting {
            do {
                return try await Installation.with(settings, mayMake: false) { storage in
                    try await run(OpenQueues(all: storage.queues, isPartial: false), body)
                }
            } catch let error as StorageError {
                guard case .unreachable = error, let spool = try await Spool.open(settings) else { throw error }
                Terminal().note("\(error)\nOnly this machine's spool is looked at.")
                return try await Installation.closing(spool.close) {
                    try await run(OpenQueues(all: [("spool", spool.queue)], isPartial: true), body)
                }
            }
        }
    }

    private static func run(
        _ queues: OpenQueues, _ body: (OpenQueues, Terminal) async throws(StoreError) -> Int32
    ) async throws(StoreError) -> Int32 {
        let terminal = Terminal()
        do throws(StoreError) {
            return try await body(queues, terminal)
        } catch {
            guard case .notFound = error else { throw error }
            terminal.note("medstream: there is no such job; 'medstream queue list' lists those there are")
            return queues.isPartial ? ExitCode.unavailable : ExitCode.failed
        }
    }

    /// Does something with the first queue that has a job.
    ///
    /// - Throws: `notFound` when none has.
    func first<Result>(
        with body: (any JobQueue) async throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        for named in all {
            do throws(StoreError) {
                return try await body(named.queue)
            } catch {
                guard case .notFound = error else { throw error }
            }
        }
        throw .notFound
    }
}

/// What several commands about queues share.
enum QueueArguments {
    static let job = Operand<JobID>("JOB", "The job's id", expects: "the id of a job", isRequired: true)
    static let kind = Option<JobKind>(
        "kind", "KIND", "Jobs of this kind alone", expects: "a kind such as save_turn")
    static let yes = Flag("yes", "Do it; without it nothing is done")

    /// Who is at the terminal, for the audit.
    static var actor: String { NSUserName().isEmpty ? "uid \(getuid())" : NSUserName() }
}

extension JobRecord {
    /// All that is known of it.
    func json(in queue: String) -> JSONValue {
        var members: [String: JSONValue] = [
            "queue": .string(queue), "id": .string(id.text), "kind": .string(kind.rawValue),
            "state": .string(state.rawValue), "unique_key": .string(uniqueKey),
            "priority": .string("\(priority)"), "attempt": .int(Int64(attempt)),
            "deliveries": .int(Int64(deliveries)), "payload_bytes": .int(Int64(payloadBytes)),
            "created_at": .string("\(createdAt)"),
            "failures": .array(
                failures.map { ["at": .string("\($0.at)"), "reason": .string("\($0.reason)")] }),
        ]
        members["group"] = group.map(JSONValue.string)
        members["due_at"] = dueAt.map { .string("\($0)") }
        members["worker"] = worker.map { .string("\($0)") }
        members["died_at"] = diedAt.map { .string("\($0)") }
        return .object(members)
    }
}
