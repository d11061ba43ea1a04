import Core
import Foundation
import JSON
import TestSupport
import Testing

@Suite("medstream store, backup, restore, migrate and users", .timeLimit(.minutes(1)))
struct CareTests {
    private let folder: Folder
    private let config: String
    private var data: String { "\(folder.path)/data" }

    init() throws {
        folder = try Folder()
        let shipped = Reference.packageRoot.appending(path: "config/medstream.yaml").path
        config = try folder.write("medstream.yaml", "include: \(shipped)\ndata_directory: data\n")
    }

    private func run(_ arguments: String...) async throws -> Execution.Result {
        try await Medstream.run(arguments + ["--config", config])
    }

    /// An installation with its keys and an empty store.
    private func install() async throws {
        #expect(try await run("keys", "create").code == 0)
        let run = try await run("migrate")
        #expect(run.output.contains("medstream.sqlite"), "\(run.errors)")
        #expect(run.code == 0)
    }

    private func names(_ path: String) throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(path)"))
    }

    @Test(
        "without an installation, say what is missing, make nothing, and exit with 78",
        arguments: [["store", "check"], ["store", "stats"], ["users", "list"], ["keys", "reencrypt"], ["migrate"]])
    func nothing(command: [String]) async throws {
        let run = try await Medstream.run(command + ["--config", config])
        #expect(run.errors.contains("There is no key file '\(data)/keys'"))
        #expect(run.output.isEmpty)
        #expect(run.code == 78)
        #expect(!FileManager.default.fileExists(atPath: "\(data)/medstream.sqlite"))
    }

    @Test("need a store that was made, but for migrate, which makes it")
    func noStore() async throws {
        #expect(try await run("keys", "create").code == 0)
        for command in ["check", "stats"] {
            let run = try await run("store", command)
            #expect(run.errors.contains("'\(data)/medstream.sqlite'"))
            #expect(run.code == 78)
        }
        #expect(try names("data") == ["keys"])
        #expect(try await run("migrate").code == 0)
        #expect(try await run("store", "check").output == "Everything is as it was written.\n")
    }

    @Test("a store that was made for other keys is refused")
    func otherKeys() async throws {
        try await install()
        try FileManager.default.removeItem(atPath: "\(data)/keys")
        #expect(try await run("keys", "create").code == 0)
        for command in [["store", "check"], ["migrate"], ["users", "list"]] {
            let run = try await Medstream.run(command + ["--config", config])
            #expect(run.errors.contains("key"))
            #expect(run.code == 78, "\(run.errors)")
        }
    }

    @Test("stats and users tell of an empty store")
    func empty() async throws {
        try await install()
        let stats = try JSONValue(parsing: try await run("store", "stats", "--json").output)
        #expect(stats["rows"]?["message"]?.int == 0)
        #expect(stats["bytes"]?.int ?? 0 > 0)
        #expect(try await run("store", "stats").output.contains("are free on the disk"))
        #expect(try await run("users", "list", "--json").output.isEmpty)
        #expect(try await run("users", "list").output.split(separator: "\n").count == 1)
        #expect(try await run("keys", "reencrypt").output.hasPrefix("All rows are sealed with the key "))
    }

    @Test("users delete wants an id and --yes, and gives a receipt that can be empty")
    func delete() async throws {
        try await install()
        let user = UserID().text
        let unsure = try await run("users", "delete", user)
        #expect(unsure.errors.contains("--yes"))
        #expect(unsure.code == 64)
        #expect(try await run("users", "delete", "somebody", "--yes").code == 64)
        #expect(try await run("users", "delete", "--yes").code == 64)
        #expect(try await run("users", "delete", user, "--yes").output == "There is nothing of \(user).\n")
        let receipt = try JSONValue(parsing: try await run("users", "delete", user, "--yes", "--json").output)
        #expect(receipt["user"]?.string == user)
        #expect(receipt["rows"] == [:])
    }

    @Test("a backup comes back, with keys and without", arguments: [false, true])
    func backup(withKeys: Bool) async throws {
        try await install()
        let backup = "\(folder.path)/backup"
        let made = try await run(["backup", backup, "--json"] + (withKeys ? ["--with-keys"] : []))
        let manifest = try JSONValue(parsing: made.output)
        #expect(made.code == 0)
        let files = (manifest["files"]?.array ?? []).compactMap { $0["name"]?.string }
        #expect(files.last == "medstream.sqlite")
        #expect(files.contains("keys") == withKeys)
        #expect(try names("backup") == Set(files).union(["manifest.json"]))

        let again = try await run("backup", backup)
        #expect(again.errors.contains("is not empty"))
        #expect(again.code == 1)

        let target = "\(folder.path)/restored"
        let restored = try await run("restore", backup, "--into", target)
        #expect(restored.code == 0, "\(restored.errors)")
        #expect(try names("restored").isSuperset(of: files))
        #expect(try names("restored").contains("keys") == withKeys)
        try FileManager.default.removeItem(atPath: "\(target)/medstream.sqlite")
        let refused = try await run("restore", backup, "--into", target)
        #expect(withKeys ? refused.errors.contains("not empty") : refused.code == 0)
    }

    private func run(_ arguments: [String]) async throws -> Execution.Result {
        try await Medstream.run(arguments + ["--config", config])
    }

    @Test("a backup of other keys, and a folder that is none, are refused")
    func refused() async throws {
        try await install()
        let (backup, target) = ("\(folder.path)/backup", "\(folder.path)/restored")
        #expect(try await run("backup", backup).code == 0)
        try FileManager.default.removeItem(atPath: "\(data)/keys")
        #expect(try await run("restore", backup, "--into", target).code == 78)
        #expect(try await run("keys", "create").code == 0)
        let other = try await run("restore", backup, "--into", target)
        #expect(other.errors.contains("is another"))
        #expect(other.code == 78)
        let none = try await run("restore", data, "--into", target)
        #expect(none.errors.contains("no finished backup"))
        #expect(none.code == 1)
        #expect(!FileManager.default.fileExists(atPath: target))
        for wrong in [["restore"], ["restore", backup], ["restore", "--into", target], ["backup"]] {
            #expect(try await run(wrong).code == 64)
        }
    }

    @Test("keys retire wants the id of a key that is there, is not current, and is not needed")
    func retire() async throws {
        try await install()
        func current() async throws -> String {
            try JSONValue(parsing: try await run("keys", "show", "--json").output)["current"]?.string ?? ""
        }
        let first = try await current()
        #expect(try await run("keys", "retire", first).errors.contains("is the current one"))
        #expect(try await run("keys", "retire", "00000000").errors.contains("holds no key 00000000"))
        #expect(try await run("keys", "retire", "old").code == 64)
        #expect(try await run("keys", "rotate").code == 0)
        let early = try await run("keys", "retire", first)
        #expect(early.errors.contains("younger than a minute"))
        #expect(early.code == 1)

        // The rotation was a while ago, as far as the file says.
        let lines = try String(contentsOfFile: "\(data)/keys", encoding: .utf8)
        let made = try await current()
        let older = lines.replacing(try Regex("(?m)^key \(made) \\S+"), with: "key \(made) 2026-01-02T03:04:05Z")
        try Data(older.utf8).write(to: URL(filePath: "\(data)/keys"))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(data)/keys")
        let needed = try await run("keys", "retire", first)
        if needed.code != 0 {
            #expect(needed.errors.contains("is needed"))
            #expect(try await run("keys", "reencrypt").code == 0)
            #expect(try await run("keys", "retire", first).code == 0)
        }
        #expect(try !String(contentsOfFile: "\(data)/keys", encoding: .utf8).contains(first))
        #expect(try await run("store", "check").code == 0)
    }
}
