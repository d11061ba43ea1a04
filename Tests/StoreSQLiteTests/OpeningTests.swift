import Core
import Encryption
import Foundation
import Persistence
import SQLite
import StoreConformance
@testable import StoreSQLite
import TestSupport
import Testing

@Suite("Opening a store in a file", .timeLimit(.minutes(1)))
struct OpeningTests {
    private static let more = Migration.all + [Migration(number: 99, script: "CREATE TABLE later(id TEXT) STRICT")]

    @Test("What was kept is there when it is opened again")
    func again() async throws {
        let test = try TestStore()
        let user = UserID()
        var store = try await test.open()
        let turns = try await store.conversation(of: user, turns: 3)
        let messages = try await store.allMessages(of: turns[0].turn.conversation, of: user)
        await store.close()
        store = try await test.open()
        #expect(try await store.allMessages(of: turns[0].turn.conversation, of: user) == messages)
        await store.close()
        #expect(await refusal { try await store.conversation(turns[0].turn.conversation, of: user) } == .unavailable)
    }

    @Test("A new migration is run once, and what was there stays")
    func migrate() async throws {
        let test = try TestStore()
        let user = UserID()
        var store = try await test.open()
        let id = try await store.conversation(of: user)[0].turn.conversation
        await store.close()
        for _ in 1...2 {
            store = try await test.open(Self.more)
            #expect(try await store.conversation(id, of: user).id == id)
            let done = try await store.database.read { transaction in
                try transaction.rows("SELECT number FROM migration ORDER BY number") { row in try row.int(0) }
            }
            #expect(done == Migration.all.map(\.number) + [99])
            await store.close()
        }
    }

    @Test("A file that a newer version wrote, or another product, is refused and left as it is")
    func refused() async throws {
        let test = try TestStore()
        await (try await test.open(Self.more)).close()
        guard case .newerSchema(99) = await opening({ try await test.open() }) else {
            Issue.record("An older version opened it.")
            return
        }
        let other = Migration(number: 1, script: "CREATE TABLE other(id TEXT) STRICT")
        let changed = [other] + Self.more.dropFirst()
        guard case .otherSchema(1) = await opening({ try await test.open(changed) }) else {
            Issue.record("A changed migration was not seen.")
            return
        }
        #expect(await opening { try await test.open(Self.more) } == nil)
    }

    @Test("A migration that fails leaves nothing behind")
    func failing() async throws {
        let test = try TestStore()
        let broken =
            Migration.all + [
                Migration(number: 98, script: "CREATE TABLE half(id TEXT) STRICT; INSERT INTO none VALUES (1)")
            ]
        #expect(await opening { try await test.open(broken) } != nil)
        let store = try await test.open()
        let isThere = try await store.database.read { try $0.exists("SELECT 1 FROM sqlite_schema WHERE name = 'half'") }
        #expect(!isThere)
        await store.close()
    }

    @Test("Of several starters at once one makes the tables, and all of them open", arguments: [2, 8])
    func atOnce(count: Int) async throws {
        let test = try TestStore()
        let stores = try await withThrowingTaskGroup { group in
            for _ in 0..<count { group.addTask { try await test.open(Self.more) } }
            return try await group.reduce(into: [SQLiteStore]()) { $0.append($1) }
        }
        let user = UserID()
        for store in stores { _ = try await store.conversation(of: user) }
        #expect(try await stores[0].allConversations(of: user).count == count)
        for store in stores { await store.close() }
    }

    @Test("Another keyring is refused, and a rotated one is not")
    func keys() async throws {
        let test = try TestStore()
        await (try await test.open()).close()
        let other = try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
        let refused = await opening { try await test.open(keyring: other) }
        guard case .wrongKey? = refused else {
            Issue.record("It was opened.")
            return
        }
        #expect(refused?.description.contains(other.identity) == true)
        #expect(await opening { try await test.open() } == nil)
    }

    @Test("What is no database, and one that is damaged, is refused with what to do")
    func damaged() async throws {
        let test = try TestStore()
        let letter = String(repeating: "This is a letter. ", count: 300)
        try Data(letter.utf8).write(to: URL(filePath: test.path))
        guard case .damaged? = await opening({ try await test.open() }) else {
            Issue.record("It was opened.")
            return
        }
        #expect(try String(contentsOfFile: test.path, encoding: .utf8) == letter)
        let nowhere = SQLiteStore.Settings(path: "\(test.folder.path)/none/store.sqlite")
        guard case .unusable? = await opening({ try await SQLiteStore(nowhere, test.keyring) }) else {
            Issue.record("It was opened.")
            return
        }
    }

    @Test("Answers that another process left open are found, the oldest first, and one's own are not")
    func unfinished() async throws {
        let test = try TestStore()
        let time = SetTime()
        let first = try await test.open(node: NodeID(), now: { time.now })
        let second = try await test.open(node: NodeID(), now: { time.now })
        let tool = try await test.open(now: { time.now })
        let user = UserID()
        var open: [Message] = []
        for store in [first, first, second, tool] {
            time.move(by: 10)
            let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "Go")
            open.append(try await store.begin(NewTurn(owner: user, subject: subject)).answer)
        }
        open[0].text = "Half an answ"
        open[0].version = 2
        try await first.save(open[0])
        #expect(try await first.unfinished(limit: 9) == [open[2], open[3]])
        #expect(try await second.unfinished(limit: 9) == [open[0], open[1], open[3]])
        #expect(try await second.unfinished(limit: 1) == [open[0]])
        #expect(try await tool.unfinished(limit: 9) == [open[0], open[1], open[2]])
        for var answer in open {
            answer.state = .final
            answer.outcome = .interrupted
            answer.version = Message.interruptedVersion
            try await second.save(answer)
        }
        for store in [first, second, tool] {
            #expect(try await store.unfinished(limit: 9) == [])
            await store.close()
        }
    }
}
