import Core
import Encryption
import Foundation
import Glibc
import Journal
import Reactor
import SQLite
import Streaming
import Synchronization
import Telemetry
import TestSupport
import Testing

/// What stays in the file, what leaves it, and what happens when the disk will not have it.
@Suite("What a journal keeps", .timeLimit(.minutes(2)))
struct KeepingTests {
    @Test("A stream is off the disk once its retention is over, and after a restart as well")
    func retention() async throws {
        let data = try DataFolder()
        let first = try await Lifetime(in: data, Lifetime.settings { $0.retention = .milliseconds(1) })
        for _ in 0..<5 {
            let log = try await first.start()
            await log.write("Soon gone. ", to: .chat, of: .chat)
            await first.finish(log)
        }
        await first.journaled()
        let crashed = try DataFolder(copying: data, log: data.log)
        // From when on the retention is over for those of the copy, too.
        try await wait(while: first.hub.logCount > 0)
        await first.journaled()
        await first.journal.close()
        #expect(try await data.count("stream") == 0)
        #expect(try await data.count("segment") == 0)

        let second = try await Lifetime(in: crashed, Lifetime.settings { $0.retention = .milliseconds(1) })
        #expect(second.recovery.interrupted == 0 && second.recovery.finished == 0)
        #expect(second.hub.logCount == 0)
        await second.journal.close()
        #expect(try await crashed.count("segment") == 0)
    }

    @Test("What is forgotten is forgotten by owner and conversation, and is off the disk when that returns")
    func forgetting() async throws {
        let data = try DataFolder()
        let life = try await Lifetime(in: data)
        let other = UserID()
        let (one, two) = (ConversationID(), ConversationID())
        var logs: [StreamLog] = []
        for (owner, conversation) in [(someone, one), (someone, two), (other, ConversationID())] {
            let log = try await life.start(owner, of: StreamSubject(conversation: conversation, message: MessageID()))
            await log.write("Something private. ", to: .chat, of: .chat)
            await life.finish(log)
            logs.append(log)
        }
        await life.journaled()
        try await life.journal.forget(someone, in: one)
        #expect(try await data.count("stream") == 2)
        #expect(try await data.count("(SELECT DISTINCT stream FROM segment)") == 2)
        try await life.journal.forget(other, in: one)
        #expect(try await data.count("stream") == 2)
        try await life.journal.forget(someone)
        #expect(try await data.count("stream") == 1)
        #expect(try await data.count("(SELECT DISTINCT stream FROM segment)") == 1)
        #expect(life.journal.statistics.streams == 1)
        await life.journal.close()
        let next = try await Lifetime(in: data)
        #expect(next.hub.log(logs[0].id, for: someone) == nil && next.hub.log(logs[1].id, for: someone) == nil)
        #expect(next.hub.log(logs[2].id, for: other) != nil)
        await next.journal.close()
    }

    @Test("Of a user who is forgotten the streams stay that the caller keeps")
    func keeping() async throws {
        let data = try DataFolder()
        let life = try await Lifetime(in: data)
        let (old, new) = (try await life.start(), try await life.start())
        for log in [old, new] { await log.write("Something private. ", to: .chat, of: .chat) }
        await life.journaled()
        life.hub.remove(old.id, for: someone)
        try await life.journal.forget(someone) { life.hub.log($0, for: someone) != nil }
        #expect(try await data.count("stream WHERE id = '\(old.id)'") == 0)
        #expect(try await data.count("stream WHERE id = '\(new.id)'") == 1)
        #expect(try await data.count("(SELECT DISTINCT stream FROM segment)") == 1)
        await life.finish(new)
        await life.journal.close()
    }

    @Test("A running stream that is removed writes nothing more, and leaves nothing")
    func removedWhileRunning() async throws {
        let data = try DataFolder()
        let life = try await Lifetime(in: data)
        let log = try await life.start()
        await log.write("Something private. ", to: .chat, of: .chat)
        await life.journaled()
        life.hub.remove(log.id, for: someone)
        await log.write("More of it. ", to: .chat, of: .chat)
        await life.finish(log)
        await life.journaled()
        await life.journal.close()
        #expect(try await data.count("segment") == 0)
    }

    @Test("Neither the file nor its log holds a word that was said")
    func sealed() async throws {
        let data = try DataFolder()
        let life = try await Lifetime(in: data)
        let log = try await life.start()
        await log.write("Xanthelasma palpebrarum, hyperlipidaemia. ", to: .chat, of: .chat)
        await log.append(PlatformError(.providerFailed, "Quixotry failed."))
        await life.finish(log)
        await life.journaled()
        for file in [data.path, "\(data.path)-wal"] {
            let bytes = try Data(contentsOf: URL(filePath: file))
            for word in ["Xanthelasma", "palpebrarum", "Quixotry", "content_chunk"] {
                #expect(bytes.firstRange(of: Data(word.utf8)) == nil, "\(word) in \(file)")
            }
        }
        await life.journal.close()
    }

    @Test("The file keeps to the size of what is kept, however many streams pass through it")
    func bounded() async throws {
        let data = try DataFolder()
        let life = try await Lifetime(in: data, Lifetime.settings { $0.retention = .milliseconds(1) })
        var largest = 0
        for _ in 0..<30 {
            let log = try await life.start()
            for _ in 0..<20 {
                await log.append(StreamEvent(.progress, content: String(repeating: "x", count: 16 << 10)))
            }
            await life.journaled()
            await life.finish(log)
            await life.journaled()
            life.hub.sweep()
            await life.journaled()
            try await life.journal.forget(UserID())
            largest = max(largest, Int(try FileManager.default.attributesOfItem(atPath: data.path)[.size] as? Int ?? 0))
        }
        // 10 MB passed through; each stream has a third of a megabyte, and the log holds 4 MB before it is copied.
        #expect(largest < 4 << 20)
        await life.journal.close()
    }

    @Test("A disk that is full holds up nobody, and gets everything when there is room again")
    func diskFull() async throws {
        let data = try DataFolder()
        await #expect(processExitsWith: .success) {
            [path = data.path as String, keys = "\(data.folder.path)/keys" as String] in
            signal(SIGXFSZ, SIG_IGN)
            let journal = try await Journal.open(path: path, keyring: Keyring(file: keys), log: .init { _ in })
            let hub = StreamHub(Lifetime.settings(), journal: journal)
            try await journal.recover(into: hub, on: [Lifetime.loops[0].loop]) { _ in .interrupted }
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            let room = limit.rlim_cur
            limit.rlim_cur = 200 << 10
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            let log = try await hub.start(StreamID(), owner: someone, on: Lifetime.loops[0].loop) { log in
                for _ in 0..<60 { log.append(StreamEvent(.progress, content: String(repeating: "x", count: 16 << 10))) }
                log.write("The end. ", to: .chat, of: .chat)
                log.finish(.done(.complete))
            }
            await log.ended()
            while journal.statistics.failures < 2 { try await Task.sleep(for: .milliseconds(5)) }
            guard await log.text(.chat, .chat) == "The end. ", journal.statistics.waitingBytes < 2 << 20 else {
                exit(2)
            }
            limit.rlim_cur = room
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            await hub.journaled(on: [Lifetime.loops[0].loop])
            await journal.close()
            exit(0)
        }
        let next = try await Lifetime(in: data)
        #expect(next.recovery.finished == 1)
        await next.journal.close()
    }

    @Test("What a killed process was told is on disk is found by the next", arguments: 1...5)
    func killed(round: Int) async throws {
        let data = try DataFolder()
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = data.path as String, folder = data.folder.path as String, round = round as Int] in
            let journal = try await Journal.open(
                path: path, keyring: Keyring(file: "\(folder)/keys"), log: .init { _ in })
            let settings = Lifetime.settings { $0.durability = .beforeDelivery }
            let hub = StreamHub(settings, journal: journal)
            let log = try await hub.start(StreamID(), owner: someone, on: Lifetime.loops[0].loop) { log in
                for step in 0..<100_000 {
                    log.write("Step \(step). ", to: .chat, of: .chat)
                    try? await log.loop.sleep(for: .milliseconds(1))
                }
            }
            // What a viewer was shown, who outlives the server.
            _ = FileManager.default.createFile(atPath: "\(folder)/shown", contents: nil)
            let shown = try FileHandle(forWritingTo: URL(filePath: "\(folder)/shown"))
            var last = 0
            try await log.watch(after: 0) { batch in
                shown.write(Data(batch.bytes))
                last = batch.last
                if last > 40 * round { kill(getpid(), SIGKILL) }
            }
        }
        var shown = Viewing()
        shown.read(Array(try Data(contentsOf: URL(filePath: "\(data.folder.path)/shown"))))
        let id = try #require(shown.stream)
        let next = try await Lifetime(in: data)
        let owner = try #require(next.asked.first?.owner)
        let viewing = try #require(try await next.viewing(id, owner))
        #expect(viewing.texts[.chat]?.hasPrefix(shown.texts[.chat] ?? "?") == true)
        #expect(Array(viewing.events.prefix(shown.events.count)) == shown.events)
        #expect(viewing.outcome == .interrupted && viewing.faults == [])
        let resumed = try #require(try await next.viewing(id, owner, after: shown.last))
        #expect(resumed.offsets.first.flatMap { $0 } ?? 0 > shown.last)
        #expect(resumed.texts[.chat]?.hasSuffix(viewing.texts[.chat] ?? "?") == true)
        await next.journal.close()
    }
}

extension DataFolder {
    /// Changes rows, as damage would.
    func change(_ sql: SQL) async throws {
        let database = try Database(Database.Settings(path: path))
        try await database.write { _ = try $0.run(sql) }
        await database.close()
    }
}
