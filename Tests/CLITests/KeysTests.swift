import Core
import Foundation
import JSON
import TestSupport
import Testing

@Suite("medstream keys", .timeLimit(.minutes(1)))
struct KeysTests {
    private let folder: Folder
    private let config: String
    private var keyFile: String { "\(folder.path)/store/keys" }

    private static let shipped = "include: \(Reference.packageRoot.appending(path: "config/medstream.yaml").path)\n"

    init() throws {
        folder = try Folder()
        config = try folder.write("medstream.yaml", "\(Self.shipped)data_directory: store\n")
    }

    private func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> Execution.Result {
        try await Medstream.run(["keys"] + arguments + ["--config", config], environment: environment)
    }

    private func text() throws -> String { try String(contentsOfFile: keyFile, encoding: .utf8) }

    /// The secrets of a key file.
    private func secrets() throws -> [String] {
        try text().split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { $0.split(separator: " ").last }
            .map(String.init)
    }

    @Test("create makes the file, once, for its owner alone")
    func create() async throws {
        let first = try await run("create")
        #expect(first.output.hasPrefix("\(keyFile): made, with the key "))
        #expect(first.code == 0)
        let mode = try FileManager.default.attributesOfItem(atPath: keyFile)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let before = try text()
        let second = try await run("create")
        #expect(second.errors.contains("Keys are never overwritten"))
        #expect(second.code == 1)
        #expect(try text() == before)
    }

    @Test("show lists ids and uses, and no secret")
    func show() async throws {
        _ = try await run("create")
        _ = try await run("rotate")
        let table = try await run("show")
        #expect(table.code == 0)
        let rows = table.output.split(separator: "\n")
        #expect(rows.first?.hasSuffix("in \(keyFile)") == true)
        #expect(rows.dropFirst(2).map { $0.hasSuffix("  seals and opens") } == [false, true])
        let json = try await run("show", "--json")
        let facts = try JSONValue(parsing: json.output)
        #expect(facts["file"]?.string == keyFile)
        #expect(facts["keys"]?.array?.map { $0["current"]?.bool } == [false, true])
        #expect(facts["keys"]?.array?.last?["id"] == facts["current"])
        for secret in try secrets() {
            #expect(secret.count == 64)
            #expect(!table.output.contains(secret) && !json.output.contains(secret))
        }
    }

    @Test("rotate adds a key that is the current one then, and says which")
    func rotate() async throws {
        _ = try await run("create")
        let before = try text()
        let run = try await run("rotate", "--json")
        let id = try #require(try JSONValue(parsing: run.output)["current"]?.string)
        #expect(try text().hasPrefix("\(before)key \(id) "))
        #expect(run.code == 0)
    }

    @Test("--print gives what a secret store needs: a keyring that works, and a line that rotates it")
    func print() async throws {
        let keyring = try await run("create", "--print").output
        let line = try await run("rotate", "--print").output
        #expect(!FileManager.default.fileExists(atPath: keyFile))
        let lines = (keyring + line).split(separator: "\n").filter { !$0.hasPrefix("#") }
        try folder.write("medstream.yaml", "\(Self.shipped)encryption: { keys: '${MEDSTREAM_KEYS}' }\n")
        for separator in ["\n", ";"] {
            let shown = try await run(
                "show", "--json", environment: ["MEDSTREAM_KEYS": lines.joined(separator: separator)])
            let facts = try JSONValue(parsing: shown.output)
            #expect(facts["file"] == .null)
            #expect(facts["current"]?.string == lines.last?.split(separator: " ").dropFirst().first.map(String.init))
            #expect(facts["keys"]?.array?.count == 2)
        }
        for command in ["create", "rotate"] {
            let refused = try await run(command, environment: ["MEDSTREAM_KEYS": lines.joined(separator: ";")])
            #expect(refused.errors.contains("--print"))
            #expect(refused.code == 78)
        }
    }

    @Test("a file that is missing, open to others or not understood is refused with 78 and a sentence")
    func refusals() async throws {
        let missing = try await run("show")
        #expect(missing.errors.contains("There is no key file '\(keyFile)'"))
        #expect(missing.code == 78)
        _ = try await run("create")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: keyFile)
        for command in ["show", "rotate"] {
            let exposed = try await run(command)
            #expect(exposed.errors.contains("chmod 600 '\(keyFile)'"))
            #expect(exposed.code == 78)
        }
        try folder.write("store/keys", "key nonsense\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: keyFile)
        let malformed = try await run("show")
        #expect(malformed.errors.contains("'\(keyFile)', line 1: expected"))
        #expect(malformed.code == 78)
    }
}
