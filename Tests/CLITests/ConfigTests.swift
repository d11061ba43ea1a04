import Core
import Foundation
import JSON
import Testing
import TestSupport

@Suite("medstream config", .timeLimit(.minutes(1)))
struct ConfigTests {
    /// A file of its own for each test, which goes with it.
    final class File {
        let path = FileManager.default.temporaryDirectory.appending(path: "medstream-\(UUID()).yaml").path

        init(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    static let working = """
        # Five lines.
        providers:
          real: { kind: openai, model: m, api_key: sk-very-secret-key }
        routes: { chat: [real], onboarding: [real] }
        server: { port: 9999 }
        """

    @Test("check finds the shipped configuration right")
    func shipped() async throws {
        let run = try await Medstream.run("config", "check")
        #expect(run == Execution.Result(output: "config/medstream.yaml: right\n", errors: "", code: 0))
    }

    @Test("takes the file by place or by option, but not by both")
    func file() async throws {
        let file = try File(Self.working)
        for arguments in [[file.path], ["--config", file.path], ["--config=\(file.path)"]] {
            let result = try await Medstream.run(["config", "check"] + arguments)
            #expect(result == Execution.Result(output: "\(file.path): right\n", errors: "", code: 0))
        }
        #expect(try await Medstream.run("config", "check", file.path, "--config", file.path).code == 64)
    }

    @Test("check reports every mistake at once, and where")
    func mistakes() async throws {
        let file = try File(Self.working + "\nsevrer: {}\nstreaming: { heartbeat: soon }\n")
        let run = try await Medstream.run("config", "check", file.path, "--set", "server.port=0x")
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("\(file.path):6:1: sevrer"))
        #expect(run.errors.contains("did you mean 'server'?"))
        #expect(run.errors.contains("\(file.path):7:25: streaming.heartbeat"))
        #expect(run.errors.contains("--set: server.port"))
        #expect(run.errors.contains("3 problems"))
        #expect(run.code == 78)
    }

    @Test("check tells programs the same")
    func json() async throws {
        let wrong = try File(Self.working + "\nsevrer: {}\n")
        let run = try await Medstream.run("config", "check", "--json", wrong.path)
        let report = try JSONValue(parsing: run.output)
        #expect(report["ok"]?.bool == false)
        let problem = try #require(report["problems"]?.array?.first)
        #expect(problem["line"]?.int == 6)
        #expect(problem["column"]?.int == 1)
        #expect(problem["suggestion"]?.string == "server")
        #expect(run.code == 78)

        let right = try File(Self.working)
        let answer = try await Medstream.run("config", "check", "--json", right.path)
        #expect(try JSONValue(parsing: answer.output)["ok"]?.bool == true)
        #expect(answer.code == 0)
    }

    @Test("says that a file is not there")
    func missing() async throws {
        for command in ["check", "show"] {
            let run = try await Medstream.run("config", command, "/nowhere/medstream.yaml")
            #expect(run.errors.contains("/nowhere/medstream.yaml"))
            #expect(run.code == 78)
        }
    }

    @Test("show prints what is in force, defaults and changes included, without secrets")
    func show() async throws {
        let file = try File(Self.working)
        let run = try await Medstream.run("config", "show", file.path, "--set", "server.host=localhost")
        #expect(run.output.contains("  port: 9999\n"))
        #expect(run.output.contains("  host: localhost\n"))
        #expect(run.output.contains("heartbeat: 5s\n"))
        #expect(!run.output.contains("sk-very-secret-key"))
        #expect(run.errors.isEmpty)
        #expect(run.code == 0)
    }

    @Test("show tells programs which settings there are and where they were set")
    func showJSON() async throws {
        let file = try File(Self.working)
        let run = try await Medstream.run("config", "show", file.path, "--json")
        let settings = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        let port = try #require(settings.first { $0["path"]?.string == "server.port" })
        #expect(port["value"]?.string == "9999")
        #expect(port["origin"]?.string == "\(file.path):5:17")
        let heartbeat = try #require(settings.first { $0["path"]?.string == "streaming.heartbeat" })
        #expect(heartbeat["origin"] == nil)
        let key = try #require(settings.first { $0["path"]?.string == "providers.real.api_key" })
        #expect(key["secret"]?.bool == true)
        #expect(key["value"]?.string == "<secret>")
    }
}
