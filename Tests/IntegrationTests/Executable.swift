import Foundation
import TestSupport
import Testing

/// The built `medstream-server`, which stands beside the tests, in a process of its own.
struct Executable: Sendable {
    let run: Execution
    /// What it writes, gone with the test.
    private let data: Folder

    private static let path = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "medstream-server").path
    private static let environment = ["PATH": "/usr/bin:/bin", "no_proxy": "*", "LANG": "C.UTF-8"]

    /// Starts with hardly any environment.
    init(_ arguments: [String], environment: [String: String] = [:], in folder: URL = Reference.packageRoot) throws {
        data = try Folder()
        run = try Execution(
            Self.path, ["--set", "data_directory=\(data.path)"] + arguments,
            environment: Self.environment.merging(environment) { $1 }, in: folder)
        run.endInput()
    }

    /// Starts with a configuration file, on a free port.
    init(config: String, set: [String] = [], environment: [String: String] = [:]) throws {
        let settings = (["server.port=0"] + set).flatMap { ["--set", $0] }
        try self.init(["--config", config] + settings, environment: environment)
    }

    /// Waits until the server takes requests.
    ///
    /// - Returns: the port that the ready line names.
    func ready() async throws -> Int {
        await run.shows(" ready on http://")
        let line = try #require(run.output.split(separator: "\n").first, "it has ended")
        let match = try #require(
            line.wholeMatch(of: /medstream-server [^ ]+ ready on http:\/\/127\.0\.0\.1:([0-9]+)/), "\(line)")
        return try #require(Int(match.1))
    }

    /// Asks the server to end, and waits for that.
    @discardableResult
    func stop() async -> Execution.Result {
        run.send(SIGTERM)
        return await run.result()
    }
}

/// The shipped settings, to be included.
let shippedSettings = Reference.packageRoot.appending(path: "config/medstream.yaml").path
