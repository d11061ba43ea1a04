import Core
import Encryption
import Foundation
import Glibc
import Persistence
import SQLite
import StoreConformance
@testable import StoreSQLite
import Synchronization
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
        guard let disk = try SmallDisk(megabytes: 4) else { return }
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
        #expect(store.trouble == .full)
        let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "More")
        #expect(await refusal { try await store.begin(NewTurn(owner: user, subject: subject)) } == .full)
        #expect(await refusal { try await store.insert(Conversation(owner: user, createdAt: .now)) } == .full)
        for turn in begun { #expect(try await store.message(turn.answer.id, of: user).text.utf8.count == 20_000) }

        try FileManager.default.removeItem(atPath: filler)
        // It is looked for again at most once a second.
        let deadline = ContinuousClock.now + .seconds(20)
        while store.isShortOfRoom, ContinuousClock.now < deadline { await Task.yield() }
        #expect(FileManager.default.fileExists(atPath: ballast))
        #expect(store.trouble == nil)
        #expect(try await store.begin(NewTurn(owner: user, subject: subject)).isNew)
        #expect(try await store.check() == [])
        await store.close()
    }
}

/// Room in megabytes: of the disk, of what others have taken of it, and of the ballast that is right there.
struct Room: Sendable, CustomTestStringConvertible {
    var disk: Int
    var taken = 0
    var ballast: ClosedRange<Int>

    var testDescription: String { "a disk of \(disk) MB, of which others have \(taken) MB" }
}

@Suite("The ballast on a disk that is small", .timeLimit(.minutes(1)))
struct SmallBallastTests {
    private let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "More")
    private let keyring: Keyring

    init() throws {
        keyring = try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
    }

    private func open(_ disk: SmallDisk) async throws -> SQLiteStore {
        let path = "\(disk.path)/store.sqlite"
        return try await SQLiteStore(SQLiteStore.Settings(path: path, ballastPath: "\(disk.path)/ballast"), keyring)
    }

    private func fill(_ disk: SmallDisk, megabytes: Int) throws {
        let bytes = Data(repeating: 1, count: megabytes << 20)
        #expect(FileManager.default.createFile(atPath: "\(disk.path)/filler", contents: bytes))
    }

    @Test(
        "It is as large as there is room for, none where there is none for any, and turns are taken all the same",
        arguments: [
            Room(disk: 264, ballast: 32...32), Room(disk: 64, ballast: 8...8), Room(disk: 12, ballast: 1...2),
            Room(disk: 4, ballast: 0...0), Room(disk: 136, taken: 124, ballast: 5...6),
            Room(disk: 136, taken: 132, ballast: 1...2),
        ])
    func sizes(room: Room) async throws {
        guard let disk = try SmallDisk(megabytes: room.disk) else { return }
        try fill(disk, megabytes: room.taken)
        let store = try await open(disk)
        let bytes = store.ballastBytes
        #expect((room.ballast.lowerBound << 20...room.ballast.upperBound << 20).contains(bytes), "\(bytes)")
        #expect(FileManager.default.fileExists(atPath: "\(disk.path)/ballast") == (bytes > 0))
        #expect(store.trouble == nil)
        #expect(try await store.begin(NewTurn(owner: UserID(), subject: subject)).isNew)
        await store.close()

        // The next start finds what the one before made.
        let next = try await open(disk)
        #expect(next.ballastBytes == bytes)
        #expect(try await next.begin(NewTurn(owner: UserID(), subject: subject)).isNew)
        await next.close()
    }

    @Test("On a disk that is full from the beginning nothing is begun, until there is room")
    func fullAtOnce() async throws {
        guard let disk = try SmallDisk(megabytes: 64) else { return }
        try fill(disk, megabytes: 63)
        let store = try await open(disk)
        #expect(store.ballastBytes == 0)
        #expect(store.trouble == .full)
        #expect(
            await refusal { try await store.begin(NewTurn(owner: UserID(), subject: self.subject)) } == .full)
        try FileManager.default.removeItem(atPath: "\(disk.path)/filler")
        let deadline = ContinuousClock.now + .seconds(20)
        while store.trouble != nil, ContinuousClock.now < deadline { await Task.yield() }
        #expect(store.ballastBytes == 8 << 20)
        #expect(try await store.begin(NewTurn(owner: UserID(), subject: subject)).isNew)
        await store.close()
    }

    @Test("What was given up is taken back whole or not at all")
    func takenBackWhole() async throws {
        guard let disk = try SmallDisk(megabytes: 64) else { return }
        let time = Mutex(ContinuousClock.now)
        let ballast = Ballast(path: "\(disk.path)/ballast", size: 16 << 20) { time.withLock { $0 } }
        #expect(ballast.condition == .held(bytes: 8 << 20))
        try fill(disk, megabytes: 50)
        #expect(ballast.giveUp() && !ballast.giveUp())
        time.withLock { $0 += .seconds(2) }
        // 14 MB are free: room for a smaller one, but then it would become smaller each time the disk is full.
        #expect(!ballast.takeBack())
        #expect(ballast.condition == .noRoom)
        try FileManager.default.removeItem(atPath: "\(disk.path)/filler")
        #expect(!ballast.takeBack())
        func takesBackLater() -> Bool {
            time.withLock { $0 += .seconds(2) }
            return ballast.takeBack()
        }
        // ext4 gives the room of a removed file away once the removal is on disk.
        sync()
        try await wait(while: !takesBackLater())
        #expect(ballast.condition == .held(bytes: 8 << 20))
    }

    @Test("Where none can be made for another reason than room there is none, and nothing is refused")
    func impossible() throws {
        let folder = try Folder()
        // A folder is no file that could be written.
        try FileManager.default.createDirectory(atPath: "\(folder.path)/ballast", withIntermediateDirectories: false)
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/ballast/inside", withIntermediateDirectories: false)
        let ballast = Ballast(path: "\(folder.path)/ballast", size: 1 << 30)
        #expect(ballast.condition == .leftOut)
        #expect(ballast.takeBack())
        #expect(!ballast.giveUp())
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
        #expect(store.trouble == .damaged)
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
