import Core
import Encryption
import Foundation
import Glibc
import Persistence
import SQLite
import StoreConformance
@testable import StoreSQLite
import TestSupport
import Testing

/// A disk of a few megabytes, gone with this; only the system's administrator can make one.
private final class SmallDisk: Sendable {
    let folder: Folder
    let path: String

    init?(megabytes: Int) throws {
        folder = try Folder()
        path = "\(folder.path)/disk"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
            print("No small disk could be mounted, so that a full one was not tried: this needs the rights of root.")
            return nil
        }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }
}

@Suite("A store whose disk is full", .timeLimit(.minutes(1)))
struct FullDiskTests {
    private let user = UserID()

    /// Begins and finishes turns until one is refused.
    private func fill(_ store: SQLiteStore, _ bytes: Int) async -> (turns: [BegunTurn], Refusal?) {
        var turns: [BegunTurn] = []
        let text = String(repeating: "x", count: bytes)
        while turns.count < 10_000 {
            do {
                let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: text)
                let turn = try await store.begin(NewTurn(owner: user, subject: subject))
                turns.append(turn)
                try await store.finish(turn.answer, text)
            } catch {
                return (turns, (error as? StoreError).map(Refusal.init))
            }
        }
        return (turns, nil)
    }

    @Test("It refuses what is new, keeps what it has, and goes on when there is room")
    func full() async throws {
        guard let disk = try SmallDisk(megabytes: 2) else { return }
        let keyring = try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
        let store = try await SQLiteStore(SQLiteStore.Settings(path: "\(disk.path)/store.sqlite"), keyring)
        let filler = "\(disk.path)/filler"
        #expect(FileManager.default.createFile(atPath: filler, contents: Data(repeating: 1, count: 400_000)))
        let (turns, refusal) = await fill(store, 5000)
        #expect(refusal == .full)
        #expect(turns.count > 10)
        for turn in turns { #expect(try await store.message(turn.question.id, of: user) == turn.question) }
        #expect(try await store.check() == [])
        try FileManager.default.removeItem(atPath: filler)
        #expect(await fill(store, 5000).turns.count > 1)
        #expect(try await store.check() == [])
        await store.close()
    }

    @Test("The ballast lets what was begun be finished, and nothing new is begun until it is back")
    func ballast() async throws {
        guard let disk = try SmallDisk(megabytes: 12) else { return }
        let keyring = try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
        let ballast = "\(disk.path)/ballast"
        var settings = SQLiteStore.Settings(path: "\(disk.path)/store.sqlite", ballastPath: ballast)
        settings.ballastBytes = 2 << 20
        let store = try await SQLiteStore(settings, keyring)
        #expect(!store.isShortOfRoom)
        let filler = "\(disk.path)/filler"
        var begun: [BegunTurn] = []
        for number in 0..<20 {
            let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "\(number)")
            begun.append(try await store.begin(NewTurn(owner: user, subject: subject)))
        }
        let free = try #require(Ballast.freeBytes(beside: filler))
        // When all of it does not fit, what fits is there.
        _ = FileManager.default.createFile(atPath: filler, contents: Data(repeating: 1, count: free))
        // Answers of 20 kB each are in the making: all of them are saved, with the ballast's room.
        for turn in begun { try await store.finish(turn.answer, String(repeating: "y", count: 20_000)) }
        #expect(!FileManager.default.fileExists(atPath: ballast))
        #expect(store.isShortOfRoom)
        let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "More")
        #expect(await refusal { try await store.begin(NewTurn(owner: user, subject: subject)) } == .full)
        #expect(await refusal { try await store.insert(Conversation(owner: user, createdAt: .now)) } == .full)
        for turn in begun { #expect(try await store.message(turn.answer.id, of: user).text.utf8.count == 20_000) }

        try FileManager.default.removeItem(atPath: filler)
        // It is looked for again at most once a second.
        let deadline = ContinuousClock.now + .seconds(20)
        while store.isShortOfRoom, ContinuousClock.now < deadline { await Task.yield() }
        #expect(FileManager.default.fileExists(atPath: ballast))
        #expect(try await store.begin(NewTurn(owner: user, subject: subject)).isNew)
        #expect(try await store.check() == [])
        await store.close()
    }
}

@Suite("A store whose file is damaged", .timeLimit(.minutes(1)))
struct DamageTests {
    @Test("Damage that a read meets ends all writing, and is told")
    func met() async throws {
        let test = try TestStore()
        let user = UserID()
        var store = try await test.open()
        let turns = try await store.conversation(of: user, turns: 60)
        await store.close()
        store = try await test.open()
        #expect(store.damage == [])
        // What a disk does that has lost some of its blocks: all of the file but its first pages, under the open store.
        let file = try #require(FileHandle(forUpdatingAtPath: test.path))
        let size = Int(try file.seekToEnd())
        try file.seek(toOffset: 8 * 4096)
        try file.write(contentsOf: Data(repeating: 0xA5, count: size - 8 * 4096))
        var refusals: [Refusal?] = []
        for turn in turns { refusals.append(await refusal { try await store.message(turn.question.id, of: user) }) }
        #expect(refusals.contains(.unavailable))
        let deadline = ContinuousClock.now + .seconds(20)
        while store.damage.isEmpty, ContinuousClock.now < deadline { await Task.yield() }
        #expect(!store.damage.isEmpty)
        let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "More")
        #expect(await refusal { try await store.begin(NewTurn(owner: user, subject: subject)) } == .unavailable)
        #expect(try await !store.check().isEmpty)
        await store.close()
        try file.close()
        guard case .damaged? = await opening({ try await test.open() }) else {
            Issue.record("It was opened.")
            return
        }
    }
}
