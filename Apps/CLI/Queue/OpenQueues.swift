import Arguments
import Core
import Encryption
import Foundation
import Persistence
import SQLite
import Settings
import StoreSQLite

/// The queues of an installation, opened beside the server and the workers that use them.
struct OpenQueues {
    struct Named {
        let name: String
        let queue: any JobQueue
    }

    let all: [Named]

    /// Runs a command on the queues.
    ///
    /// - Returns: the command's exit code, or that of what cannot be opened, which has been said then.
    static func use(
        _ arguments: Arguments, _ body: (OpenQueues, Terminal) async throws(StoreError) -> Int32
    ) async -> Int32 {
        guard let settings = Installation.settings(arguments) else { return ExitCode.configuration }
        let terminal = Terminal()
        do {
            return try await body(try await open(settings), terminal)
        } catch let error as KeyringError {
            return Installation.refuse(error)
        } catch let error as QueuesMissing {
            terminal.note("medstream: \(error)")
            return ExitCode.configuration
        } catch StoreError.notFound {
            terminal.note("medstream: there is no such job; 'medstream queue list' lists those there are")
            return ExitCode.failed
        } catch {
            terminal.note("medstream: the queue cannot be used: \(error)")
            return ExitCode.unavailable
        }
    }

    private static func open(_ settings: Settings) async throws -> OpenQueues {
        let keyring = try settings.encryption.keyring()
        let files: [(name: String, path: String)]
        switch settings.persistence.store {
        case .memory:
            throw QueuesMissing(
                "with 'persistence.store: memory' nothing outlives the server, and no queue can be seen")
        case .sqlite: files = [("store", settings.persistence.path)]
        case .postgres: files = [("spool", "\(settings.dataDirectory)/spool.sqlite")]
        }
        var all: [Named] = []
        for file in files {
            guard FileManager.default.fileExists(atPath: file.path) else {
                throw QueuesMissing("there is no '\(file.path)' yet: the server makes it at its first start")
            }
            let database = try Database(Database.Settings(path: file.path))
            all.append(Named(name: file.name, queue: try await SQLiteQueue(database, keyring)))
        }
        return OpenQueues(all: all)
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

/// Why there is no queue to look at.
private struct QueuesMissing: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
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
