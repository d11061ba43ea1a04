import Core
import Encryption
import Foundation
import Persistence
import SQLite
import StoreConformance
@testable import StoreSQLite
import TestSupport
import Testing

@Suite("What a store's files tell", .timeLimit(.minutes(1)))
struct SealingTests {
    private static let canary = "Kanarienvogel-7f3k9q2m4x"

    /// Puts the canary into every place that takes text.
    private func fill(_ store: SQLiteStore, _ user: UserID) async throws {
        let text = Self.canary
        let subject = NewTurn.Subject.newConversation(kind: .chat, title: text, text: text)
        var answer = try await store.begin(NewTurn(owner: user, subject: subject, key: text)).answer
        answer.text = text
        answer.reasoning = text
        answer.version = 2
        try await store.save(answer, then: [NewJob(kind: .saveTurn, group: user.text, payload: Array(text.utf8))])
        try await store.describe(answer.conversation, title: nil, summary: text, of: user)
        try await store.rename(answer.conversation, to: text, of: user)
        var made = Case(owner: user, title: text, notes: text, createdAt: .now)
        try await store.insert(made)
        made.version = 2
        try await store.update(made)
        try await store.save(
            StageResult(
                case: made.id, stage: .chat, owner: user, text: text, reasoning: text, sha256: text, createdAt: .now))
        try await store.insert(User(id: user, name: text, email: "\(text)@\(user)", createdAt: .now))
        try await store.save(OnboardingState(owner: user, answers: text, updatedAt: .now))
    }

    /// The bytes of every file in a folder and below.
    private func files(in folder: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            files[name] = FileManager.default.contents(atPath: "\(folder)/\(name)")
        }
        return files
    }

    @Test("No text of anyone is in any file, before and after a checkpoint, in copies and in errors")
    func canary() async throws {
        let test = try TestStore()
        let store = try await test.open()
        let user = UserID()
        try await fill(store, user)
        for step in ["log", "file", "copy"] {
            if step == "file" { try await store.optimise() }
            if step == "copy" { try await store.backup(to: "\(test.folder.path)/copy.sqlite") }
            let files = try files(in: test.folder.path)
            #expect(files.count >= 3)
            for (name, data) in files {
                #expect(data.range(of: Data(Self.canary.utf8)) == nil, "\(name) after \(step)")
                #expect(data.range(of: Data(Self.canary.lowercased().utf8)) == nil, "\(name) after \(step)")
            }
        }
        await store.close()
        let error = await opening {
            try await SQLiteStore(SQLiteStore.Settings(path: test.path), test.keyring, now: { .now }, migrations: [])
        }
        #expect(error != nil && "\(String(describing: error))".contains(Self.canary) == false)
    }

    @Test("What a deleted user had is not in the files even sealed")
    func deletion() async throws {
        let test = try TestStore()
        let store = try await test.open()
        let (user, other) = (UserID(), UserID())
        try await fill(store, other)
        try await fill(store, user)
        for _ in 0..<60 { _ = try await store.conversation(of: user, turns: 1) }
        let bodies = try await store.database.read { transaction in
            try ["message", "conversation", "case_file", "stage_result"].flatMap { table in
                try transaction.rows(SQL(unchecked: "SELECT body FROM \(table) WHERE owner = ?"), user.text) { row in
                    try row.blob(0)
                }
            }
        }
        #expect(bodies.count > 180)
        // From the log into the file, where pages that are given up keep what they held.
        try await store.optimise()
        let receipt = try await store.deleteUser(user)
        #expect(receipt.rows["conversation"] == 61 && receipt.rows["message"] == 122 && receipt.rows["job"] == 1)
        let files = try files(in: test.folder.path)
        for body in bodies {
            // The part behind the key's name, which no other row has.
            let part = Data(body.suffix(24))
            for (name, data) in files { #expect(data.range(of: part) == nil, "\(name)") }
        }
        #expect(try await store.check() == [])
        #expect(try await store.user(other).name == Self.canary)
        await store.close()
    }

    @Test("Rows are sealed anew with a new key, some at a time, and read all the while")
    func reencrypt() async throws {
        let test = try TestStore()
        let path = "\(test.folder.path)/keys"
        let first = try Keyring.create(file: path)
        let user = UserID()
        var store = try await test.open(keyring: first)
        try await fill(store, user)
        let turns = try await store.conversation(of: user, turns: 5)
        let messages = try await store.allMessages(of: turns[0].turn.conversation, of: user)
        #expect(try await store.reencrypt(limit: 3) == 0)
        await store.close()

        let old = first.currentKey
        try Keyring.rotate(file: path)
        let keyring = try Keyring(file: path)
        store = try await test.open(keyring: keyring)
        var left = [try await store.reencrypt(limit: 3)]
        while let last = left.last, last > 0 {
            #expect(try await store.allMessages(of: turns[0].turn.conversation, of: user) == messages)
            left.append(try await store.reencrypt(limit: 3))
            try #require(left.count < 20)
        }
        // Two conversations, twelve messages, one each of the rest.
        #expect(left.first == 18 - 3 && left == left.sorted(by: >))
        #expect(try await SQLiteQueue(store.database, keyring).reencrypt(limit: 9) == 0)
        await store.close()

        try Keyring.retire(old, file: path)
        store = try await test.open(keyring: try Keyring(file: path))
        #expect(try await store.allMessages(of: turns[0].turn.conversation, of: user) == messages)
        #expect(try await store.user(email: "\(Self.canary)@\(user)").name == Self.canary)
        #expect(try await store.check() == [])
        await store.close()
    }

    @Test("A check finds what was changed behind its back, and names the row")
    func check() async throws {
        let test = try TestStore()
        let store = try await test.open()
        let user = UserID()
        try await fill(store, user)
        let turns = try await store.conversation(of: user, turns: 2)
        let (one, two) = (turns[0].question.id.text, turns[1].question.id.text)
        let wrongs: [(SQL, CheckFinding.Kind, String, String)] = [
            (
                "UPDATE message SET body = (SELECT body FROM message WHERE id = ?2) WHERE id = ?1", .sealed, "message",
                one
            ),
            ("UPDATE message SET body = zeroblob(9) WHERE id = ?1 AND ?2 IS NOT NULL", .sealed, "message", one),
            ("UPDATE message SET owner = 'x' WHERE id = ?1 AND ?2 IS NOT NULL", .inconsistent, "message", one),
            (
                "UPDATE message SET sequence = 99 WHERE id = ?2 AND ?1 IS NOT NULL", .inconsistent, "conversation",
                turns[0].turn.conversation.text
            ),
            ("UPDATE message SET reply_to = 'x' WHERE id = ?2 AND ?1 IS NOT NULL", .orphan, "message", two),
            ("UPDATE message SET conversation = 'x' WHERE id = ?1 AND ?2 IS NOT NULL", .orphan, "message", one),
        ]
        for (sql, kind, table, row) in wrongs {
            let copy = "\(test.folder.path)/\(UUID().uuidString).sqlite"
            try await store.backup(to: copy)
            let changed = try await SQLiteStore(SQLiteStore.Settings(path: copy), test.keyring)
            try await changed.database.alone { transaction in
                try transaction.execute("PRAGMA foreign_keys=OFF")
                try transaction.run(sql, one, two)
            }
            let findings = try await changed.check()
            #expect(
                findings.contains { $0.kind == kind && $0.table == table && $0.row == row }, "\(sql.text): \(findings)")
            #expect(!findings.description.contains(Self.canary))
            await changed.close()
        }
        #expect(try await store.check() == [])
        await store.close()
    }
}
