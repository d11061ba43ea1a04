import Core
import Foundation
import JSON
import Testing
import TestSupport

@Suite("medstream", .timeLimit(.minutes(1)))
struct HelpTests {
    static let commands = [
        [], ["chat"], ["replay"], ["usage"], ["providers"], ["providers", "list"], ["providers", "check"],
        ["providers", "try"], ["config"], ["config", "check"], ["config", "show"], ["version"], ["completion"],
    ]

    @Test("explains every command, with examples", arguments: commands)
    func help(command: [String]) async throws {
        let result = try await Medstream.run(command + ["--help"])
        #expect(result.code == 0)
        #expect(result.errors.isEmpty)
        let path = (["medstream"] + command).joined(separator: " ")
        #expect(result.output.contains("Usage: \(path)"))
        #expect(result.output.contains("Examples:\n"))
        #expect(result.output.contains(path + " ") || command == ["completion"])
        #expect(result.output.contains("-h, --help"))
    }

    @Test("documents its exit codes")
    func exitCodes() async throws {
        let help = try await Medstream.run("--help").output
        for code in [0, 1, 64, 69, 78, 130, 141] { #expect(help.contains(" \(code)  "), "\(code)") }
    }

    @Test("says which version it is", arguments: [["version"], ["--version"]])
    func version(arguments: [String]) async throws {
        let result = try await Medstream.run(arguments)
        #expect(result == Execution.Result(output: "medstream \(Product.version)\n", errors: "", code: 0))
        let json = try await Medstream.run("version", "--json").output
        #expect(try JSONValue(parsing: json)["version"]?.string == Product.version)
    }

    @Test("prints completions that know its commands", arguments: ["bash", "zsh", "fish"])
    func completion(shell: String) async throws {
        let run = try await Medstream.run("completion", shell)
        #expect(run.code == 0)
        for word in [
            "chat", "replay", "config", "check", "show", "hide-reasoning", "onboarding", "usage", "providers", "try",
            "timeout",
        ] {
            #expect(run.output.contains(word), "\(word)")
        }
        #expect(try await Medstream.run("completion", "tcsh").code == 64)
    }
}
