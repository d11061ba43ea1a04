import Foundation
import TestSupport

/// The built executable, which stands beside the tests.
enum Medstream {
    static let path = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "medstream").path
    private static let environment = ["PATH": "/usr/bin:/bin", "TERM": "xterm", "no_proxy": "*", "LANG": "C.UTF-8"]

    /// Starts a run in the package's folder, with hardly any environment.
    static func start(
        _ arguments: [String], of program: String = path, environment: [String: String] = [:]
    ) throws -> Execution {
        try Execution(
            program, arguments, environment: Self.environment.merging(environment) { $1 }, in: Reference.packageRoot)
    }

    /// Runs to the end.
    static func run(
        _ arguments: String..., input: String = "", environment: [String: String] = [:]
    ) async throws -> Execution.Result {
        try await run(arguments, input: input, environment: environment)
    }

    /// Runs to the end.
    static func run(
        _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Execution.Result {
        let run = try start(arguments, environment: environment)
        run.type(input)
        run.endInput()
        return await run.result()
    }
}
