import Configuration
import Core
import TestSupport
import Testing

@Suite("The environment beside the file")
struct EnvironmentTests {
    @Test("A variable is the one that the configuration was loaded with, an empty one is none")
    func variables() throws {
        let configuration = try Configuration.parse("a: 1".utf8, environment: ["REGION": "eu-1", "EMPTY": ""])
        let section = configuration.root.section("b")
        #expect(section.variable("REGION") == "eu-1")
        #expect(section.variable("EMPTY") == nil)
        #expect(section.variable("PATH") == nil)
    }

    @Test("A file of secrets is read as it is, unless it is missing, too long or no text")
    func files() throws {
        let folder = try Folder()
        let root = try Configuration.parse("a: 1".utf8).root
        let file = try folder.write("keys", "[default]\nkey = ü\n")
        #expect(root.secret(inFile: file)?.reveal() == "[default]\nkey = ü\n")
        let full = try folder.write("full", String(repeating: "x", count: 64 << 10))
        #expect(root.secret(inFile: full)?.reveal().count == 64 << 10)
        let long = try folder.write("long", String(repeating: "x", count: (64 << 10) + 1))
        #expect(root.secret(inFile: long) == nil)
        #expect(root.secret(inFile: file + "-absent") == nil)
    }
}
