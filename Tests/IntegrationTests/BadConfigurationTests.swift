import Foundation
import TestSupport
import Testing

@Suite("A server with a wrong configuration", .timeLimit(.minutes(1)))
struct BadConfigurationTests {
    @Test("does not start, and says in one line what is wrong and where", arguments: BadConfiguration.all)
    func refused(bad: BadConfiguration) async throws {
        let folder = try Folder()
        for (name, text) in bad.files { try folder.write(name, text) }
        // The demo, which every file has that names no other provider, reads its scripts beside the file.
        try folder.link("demo", to: "config/demo")
        let arguments = ["--config", folder.path + "/main.yaml"] + bad.set.flatMap { ["--set", $0] }
        let result = try await Executable(arguments).run.result()
        #expect(result.code == 78)
        #expect(result.output == "")
        let lines = result.errors.split(separator: "\n")
        #expect(lines.last == "1 problem in the configuration", "\(result.errors)")
        #expect(lines.count == 2, "\(result.errors)")
        for part in bad.report {
            #expect(lines.first?.contains(part.replacing("%", with: folder.path)) == true, "\(part)\n\(result.errors)")
        }
    }

    @Test("is told of everything at once, in the order of the file")
    func all() async throws {
        let folder = try Folder()
        let file = try folder.write(
            "main.yaml",
            "include: \(shippedSettings)\nserver:\n  prot: 1\nlogs:\n  level: loud\nroutes: { chat: [x] }\n")
        let result = try await Executable(["--config", file]).run.result()
        #expect(result.code == 78)
        let places = result.errors.split(separator: "\n").compactMap { $0.firstMatch(of: /main\.yaml:([0-9]+):/)?.1 }
        #expect(places == ["3", "5", "6"], "\(result.errors)")
        #expect(result.errors.hasSuffix("3 problems in the configuration\n"))
    }

    @Test("and a missing file is told by its name")
    func missing() async throws {
        let result = try await Executable(["--config", "/absent/main.yaml"]).run.result()
        #expect(result.code == 78)
        #expect(result.errors.contains("/absent/main.yaml"))
    }

    @Test(
        "wrong usage is not a wrong configuration",
        arguments: [(["--confg", "x"], "--confg"), (["--config"], "--config needs a value")])
    func usage(arguments: [String], says: String) async throws {
        let result = try await Executable(arguments).run.result()
        #expect(result.code == 64)
        #expect(result.errors.contains(says))
    }

    @Test("nor is a port that is taken, which is named")
    func taken() async throws {
        let other = try ScriptedServer { _ in [] }
        let result = try await Executable(["--set", "server.port=\(other.port)"]).run.result()
        #expect(result.code == 69)
        #expect(result.output == "")
        #expect(result.errors.contains("\(other.port)"), "\(result.errors)")
    }
}
