internal import Foundation
internal import Synchronization
internal import TestSupport

/// A real PostgreSQL server of the tests' own, on a free port with its own data directory; gone with the process.
///
/// `Tests/Postgres/postgres.py` runs it and does with it what it is told.
public final class PostgresServer: Sendable {
    private let process: Execution
    private let asked = Mutex(0)
    public let port: Int
    private let password: String

    /// Why there is no server; it is said once, loudly, and every test that needs the server fails with it.
    public struct Missing: Error, CustomStringConvertible {
        public let description: String
    }

    /// - Throws: ``Missing``.
    public init() async throws {
        let script = Reference.packageRoot.appending(path: "Tests/Postgres/postgres.py").path
        process = try Execution(
            "python3", [script], environment: ProcessInfo.processInfo.environment, in: Reference.packageRoot)
        await process.shows("\n")
        let words = process.output.split(separator: "\n").first?.split(separator: " ") ?? []
        guard words.first == "ready", words.count == 4, let port = Int(words[1]) else {
            let reason = process.output + (await process.result().errors)
            print("NO POSTGRESQL: every test that needs it fails. \(reason)")
            throw Missing(description: "No PostgreSQL: \(reason)")
        }
        self.port = port
        password = String(words[2])
    }

    /// The server that all tests of a process share; a test that stops or freezes one starts its own.
    public static func shared() async throws -> PostgresServer { try await Shared.server.value }

    private enum Shared {
        static let server = Task { try await PostgresServer() }
    }

    /// The address of a database, as the superuser or as another role; through another port when a proxy stands before it.
    public func url(_ database: String = "postgres", user: String? = nil, password: String? = nil, port: Int? = nil)
        -> String
    {
        "postgresql://\(user ?? "postgres"):\(password ?? self.password)@127.0.0.1:\(port ?? self.port)/\(database)"
    }

    /// Makes an empty database, or a copy of another, and tells its name.
    public func database(like template: String = "template1") async throws -> String {
        try await tell("make \(template)")
    }

    public func drop(_ database: String) async throws { _ = try await tell("drop \(database)") }

    /// Runs SQL of one line as the superuser and reads the rows as text.
    @discardableResult
    public func query(_ sql: String, in database: String = "postgres") async throws -> [[String]] {
        let answer = try await tell("query \(database) \(sql.replacing("\n", with: " "))")
        return answer.split(separator: "\u{1e}").map { row in
            row.split(separator: "\u{1f}", omittingEmptySubsequences: false).map(String.init)
        }
    }

    /// What can be done to a server.
    public enum Blow: String, Sendable, CaseIterable {
        case stop, start, restart
        /// Ends all its processes at once.
        case kill
        /// Leaves it accepting connections and answering none, until `thaw`.
        case freeze
        case thaw
    }

    public func suffer(_ blow: Blow) async throws { _ = try await tell(blow.rawValue) }

    /// One at a time: answers are counted, to find the one that belongs to a command.
    private func tell(_ command: String) async throws -> String {
        let number = asked.withLock { number in
            number += 1
            process.type(command + "\n")
            return number
        }
        await process.shows("\n", times: number + 1)
        let lines = process.output.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.indices.contains(number), lines[number].hasPrefix("done ") else {
            throw Missing(
                description: lines.indices.contains(number) ? String(lines[number]) : "The server's keeper ended")
        }
        return String(lines[number].dropFirst("done ".count))
    }
}
