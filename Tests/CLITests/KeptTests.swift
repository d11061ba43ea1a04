import Core
import Encryption
import Foundation
import JSON
import Persistence
import SQLite
import StoreConformance
import StoreSQLite
import TestSupport
import Testing

@Suite("medstream with a store that holds something", .timeLimit(.minutes(1)))
struct KeptTests {
    private let folder: Folder
    private let config: String
    private let user = UserID()
    private var data: String { "\(folder.path)/data" }
    private var storePath: String { "\(data)/medstream.sqlite" }

    /// Three turns of one user, an account, and a waiting job about them.
    init() async throws {
        folder = try Folder()
        let shipped = Reference.packageRoot.appending(path: "config/medstream.yaml").path
        config = try folder.write("medstream.yaml", "include: \(shipped)\ndata_directory: data\n")
        _ = try await run("keys", "create")
        let keyring = try Keyring(file: "\(data)/keys")
        let store = try await SQLiteStore(SQLiteStore.Settings(path: storePath), keyring)
        _ = try await store.conversation(of: user, turns: 3)
        try await store.insert(
            User(id: user, name: "Zoë Zanzibar", email: "zoe@zanzibar.example", createdAt: .now))
        let queue = try await SQLiteQueue(store.database, keyring)
        try await queue.enqueue([
            NewJob(kind: .describeConversation, group: user.text, payload: Array("Zanzibar".utf8))
        ])
        await store.close()
    }

    private func run(_ arguments: String...) async throws -> Execution.Result {
        try await Medstream.run(arguments + ["--config", config])
    }

    private func answer(_ arguments: String...) async throws -> JSONValue {
        let run = try await Medstream.run(arguments + ["--json", "--config", config])
        #expect(run.code == 0, "\(run.errors)")
        return try JSONValue(parsing: run.output)
    }

    /// Opens the store of a folder with some keys.
    private func messages(in folder: String) async throws -> [String] {
        let store = try await SQLiteStore(
            SQLiteStore.Settings(path: "\(folder)/medstream.sqlite"), try Keyring(file: "\(data)/keys"))
        var texts: [String] = []
        for conversation in try await store.allConversations(of: user) {
            texts += try await store.allMessages(of: conversation.id, of: user).map(\.text)
        }
        await store.close()
        return texts
    }

    /// Says in the key file that the current key was made long ago.
    private func ageKeys() throws {
        let path = "\(data)/keys"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let older = text.replacing(/(?m)^(key \S+) \S+/) { "\($0.output.1) 2026-01-02T03:04:05Z" }
        try Data(older.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    @Test("users list tells what everybody owns; users delete leaves nothing, not even jobs")
    func users() async throws {
        let person = try await answer("users", "list")
        #expect(person["id"]?.string == user.text)
        #expect(person["name"]?.string == "Zoë Zanzibar")
        #expect(person["conversations"]?.int == 1)
        #expect(try await run("users", "list").output.contains("zoe@zanzibar.example"))
        let receipt = try await answer("users", "delete", user.text, "--yes")
        #expect(receipt["rows"] == ["conversation": 1, "message": 6, "user": 1, "job": 1])
        #expect(try await run("users", "list").output.split(separator: "\n").count == 1)
        #expect(try await run("store", "check").code == 0)
    }

    @Test("keys rotate, reencrypt and retire move all rows to the new key; what was said stays")
    func rotate() async throws {
        let before = try await messages(in: data)
        let first = try #require(try await answer("keys", "show")["current"]?.string)
        let rotation = try await answer("keys", "rotate")
        #expect(rotation["job"]?.bool == true)
        let second = try #require(rotation["current"]?.string)
        let waiting = try await Medstream.run(
            "queue", "list", "--state", "ready", "--kind", "reencrypt", "--config", config)
        #expect(waiting.output.contains("reencrypt"))
        try ageKeys()
        let early = try await run("keys", "retire", first)
        #expect(early.errors.contains("The key \(first) is needed: "))
        #expect(early.errors.contains("medstream.sqlite, message"))
        #expect(early.errors.contains("medstream.sqlite, job"))
        #expect(early.code == 1)
        #expect(try await run("keys", "reencrypt").output == "All rows are sealed with the key \(second).\n")
        #expect(try await run("keys", "retire", first).code == 0)
        #expect(try await messages(in: data) == before)
        #expect(try await run("store", "check").code == 0)
        #expect(try await answer("keys", "show")["keys"]?.array?.count == 1)
    }

    @Test("rows that no key opens are told of, and the others are sealed anew all the same")
    func lostKey() async throws {
        _ = try await run("keys", "rotate")
        let path = "\(data)/keys"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        // The older of two keys is gone.
        let older = try #require(lines.firstIndex { $0.hasPrefix("key ") })
        try Data(lines.enumerated().filter { $0.offset != older }.map { $0.element + "\n" }.joined().utf8)
            .write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        let run = try await run("keys", "reencrypt")
        #expect(run.errors.contains("No key opens"))
        #expect(run.code == 1)
        let check = try await self.run("store", "check")
        #expect(check.output.contains("sealed: message"))
        #expect(!check.output.contains("Zanzibar"))
        #expect(check.code == 1)
    }

    @Test("a backup holds what was said, sealed, and comes back whole")
    func backup() async throws {
        let before = try await messages(in: data)
        let manifest = try await answer("backup", "\(folder.path)/backup")
        #expect(manifest["keys"]?.array?.count == 1)
        let copy = try Data(contentsOf: URL(filePath: "\(folder.path)/backup/medstream.sqlite"))
        for text in before + ["Zanzibar"] { #expect(copy.firstRange(of: Data(text.utf8)) == nil) }
        let restored = try await run("restore", "\(folder.path)/backup", "--into", "\(folder.path)/restored")
        #expect(restored.code == 0, "\(restored.errors)")
        #expect(try await messages(in: "\(folder.path)/restored") == before)
        #expect(before.count == 6)
    }

    @Test("a backup whose rows were changed is not restored, however well its hashes agree")
    func forged() async throws {
        #expect(try await run("backup", "\(folder.path)/backup").code == 0)
        // Somebody who can write both the store and the manifest, and has no key.
        let path = "\(folder.path)/backup/medstream.sqlite"
        let database = try Database(Database.Settings(path: path))
        try await database.write { transaction in
            _ = try transaction.run(
                "UPDATE message SET body = (SELECT body FROM message WHERE sequence = 2) WHERE sequence = 4")
        }
        try await database.checkpoint()
        await database.close()
        let manifest = "\(folder.path)/backup/manifest.json"
        let text = try String(contentsOfFile: manifest, encoding: .utf8)
        let sum = try await Self.sha256(of: path)
        try Data(text.replacing(/"sha256":"[0-9a-f]+"/, with: "\"sha256\":\"\(sum)\"").utf8)
            .write(to: URL(filePath: manifest))
        let run = try await run("restore", "\(folder.path)/backup", "--into", "\(folder.path)/restored")
        #expect(run.errors.contains("medstream.sqlite: 1 things are wrong with it, such as: sealed"))
        #expect(run.code == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/restored").isEmpty)
    }

    private static func sha256(of path: String) async throws -> String {
        let run = try Medstream.start([path], of: "/usr/bin/sha256sum")
        run.endInput()
        return String(await run.result().output.prefix(64))
    }
}
