import Core
import Foundation
import Journal
import SQLite
import Streaming
import Telemetry
import TestSupport
import Testing

/// What a server finds of what the one before it was showing.
@Suite("A server after a crash", .timeLimit(.minutes(2)))
struct RecoveryTests {
    @Test("A finished stream replays as it was, a running one ends as interrupted with its text and a retry")
    func both() async throws {
        let data = try DataFolder()
        let first = try await Lifetime(in: data)
        let subject = StreamSubject(conversation: ConversationID(), message: MessageID(), request: "a request")
        let finished = try await first.start()
        await finished.write("All of it. ", to: .chat, of: .chat)
        await first.finish(finished)
        let running = try await first.start(of: subject)
        await running.write("Because of this, ", to: .reasoning, of: .chat)
        await running.write("half of ", to: .chat, of: .chat)
        await running.flush()
        await first.journaled()
        let shown = await running.lastOffset
        let seen = try #require(try await first.viewing(finished.id))

        let second = try await Lifetime(in: DataFolder(copying: data, log: data.log))
        #expect(second.recovery.finished == 1 && second.recovery.interrupted == 1 && second.recovery.forgotten == 0)
        #expect(second.asked.map(\.id) == [running.id])
        #expect(second.asked.first?.subject == subject)
        #expect(second.hub.wasAnswering("a request") && !first.hub.wasAnswering("a request"))
        #expect(second.asked.first?.owner == someone)
        #expect(second.asked.first?.text(.chat) == "half of ")
        #expect(second.asked.first?.text(.reasoning) == "Because of this, ")
        let replayed = try #require(try await second.viewing(finished.id))
        #expect(replayed.events == seen.events && replayed.offsets == seen.offsets)

        let interrupted = try #require(try await second.viewing(running.id))
        #expect(interrupted.texts == [.chat: "half of ", .reasoning: "Because of this, "])
        #expect(interrupted.outcome == .interrupted && interrupted.faults == [])
        #expect(interrupted.event(.error)?.errorCode == "interrupted")
        #expect(interrupted.event(.error)?.retryAvailable == true)
        #expect(interrupted.event(.error)?.stage == .chat)
        let resumed = try #require(try await second.viewing(running.id, after: shown))
        #expect(resumed.story == [.resync, .error, .streamDone])
        #expect(resumed.offsets.first == shown + JournaledStream.leap + 1)
        #expect(try await second.viewing(running.id, UserID()) == nil)
        await second.journal.close()
        await first.journal.close()
    }

    @Test("A journal of the version before is read, and written on")
    func versionBefore() async throws {
        let data = try DataFolder()
        let first = try await Lifetime(in: data)
        let old = try await first.start(of: StreamSubject(conversation: ConversationID(), message: MessageID()))
        await old.write("Of old. ", to: .chat, of: .chat)
        await first.finish(old)
        await first.journaled()
        await first.journal.close()
        let database = try Database(Database.Settings(path: data.path))
        try await database.write {
            try $0.execute("ALTER TABLE stream DROP COLUMN request; PRAGMA user_version = 1")
        }
        await database.close()
        let second = try await Lifetime(in: data)
        #expect(try await second.viewing(old.id)?.texts == [.chat: "Of old. "])
        let new = try await second.start(
            of: StreamSubject(conversation: ConversationID(), message: MessageID(), request: "a request"))
        await second.finish(new)
        await second.journaled()
        await second.journal.close()
        let third = try await Lifetime(in: data)
        #expect(third.recovery.finished == 2)
        #expect(third.hub.wasAnswering("a request"))
        await third.journal.close()
    }

    @Test("What the store has already is what a stream ends with")
    func recorded() async throws {
        let data = try DataFolder()
        let first = try await Lifetime(in: data)
        let log = try await first.start()
        await log.write("Half of ", to: .chat, of: .chat)
        await first.journaled()
        let texts = [StreamEvent.PanelText(panel: .chat, stage: .chat, text: "Half of it, and the rest.")]
        let message = MessageID()
        let crashed = try DataFolder(copying: data, log: data.log)
        for life in 1...2 {
            let next = try await Lifetime(in: crashed) { _ in
                .recorded(texts, [.saved(message: message), .done(.complete)])
            }
            #expect(next.asked.count == (life == 1 ? 1 : 0))
            let viewing = try #require(try await next.viewing(log.id))
            #expect(viewing.texts[.chat] == "Half of it, and the rest.")
            #expect(viewing.outcome == .complete && viewing.faults == [])
            #expect(viewing.story == [.resync, .saved, .streamDone])
            await next.journal.close()
        }
        await first.journal.close()
    }

    @Test("A stream of what was deleted meanwhile is told to nobody, and leaves the disk")
    func deleted() async throws {
        let data = try DataFolder()
        let first = try await Lifetime(in: data)
        let log = try await first.start()
        await log.write("Half of it. ", to: .chat, of: .chat)
        await first.journaled()
        let crashed = try DataFolder(copying: data, log: data.log)
        let second = try await Lifetime(in: crashed) { _ in .forgotten }
        #expect(second.recovery.forgotten == 1 && second.recovery.interrupted == 0)
        #expect(second.hub.log(log.id, for: someone) == nil)
        await second.journal.close()
        #expect(try await crashed.count("segment") == 0)
        await first.journal.close()
    }

    @Test("Streams of a user who was deleted meanwhile leave the disk, ended or not, and those of others stay")
    func deletedUser() async throws {
        let data = try DataFolder()
        let first = try await Lifetime(in: data)
        let other = UserID()
        var logs: [StreamLog] = []
        for owner in [someone, someone, other, other] {
            let log = try await first.start(owner)
            await log.write("Something private. ", to: .chat, of: .chat)
            if logs.count.isMultiple(of: 2) { await first.finish(log) }
            logs.append(log)
        }
        await first.journaled()
        let begun = Dictionary(uniqueKeysWithValues: logs.map { ($0.id, $0.begunAt) })
        let crashed = try DataFolder(copying: data, log: data.log)
        let second = try await Lifetime(
            in: crashed,
            unless: { stream in
                #expect(stream.begunAt == begun[stream.id])
                return stream.owner == someone
            })
        #expect(second.recovery.forgotten == 2 && second.recovery.finished == 1 && second.recovery.interrupted == 1)
        #expect(second.asked.map(\.id) == [logs[3].id])
        #expect(second.hub.logs(of: someone).isEmpty && second.hub.logs(of: other).count == 2)
        #expect(second.hub.log(logs[2].id, for: other)?.begunAt == begun[logs[2].id])
        await second.journal.close()
        #expect(try await crashed.count("stream WHERE owner = '\(someone)'") == 0)
        #expect(try await crashed.count("(SELECT DISTINCT stream FROM segment)") == 2)
        await first.journal.close()
    }

    /// Two streams that go on, and are journaled at every step, under a log that keeps all of it.
    private func record(_ data: DataFolder, _ settings: StreamingSettings) async throws -> [(StreamLog, Int)] {
        var random = SplitMix(seed: 4)
        let life = try await Lifetime(in: data, settings)
        var logs: [StreamLog] = []
        for _ in 0..<3 { logs.append(try await life.start()) }
        for step in 0..<60 {
            if step == 40 { await life.finish(logs[2]) }
            let log = logs[Int.random(in: 0..<(step < 40 ? 3 : 2), using: &random)]
            await log.write("Step \(step) of \"it\"\n", to: step < 20 ? .reasoning : .chat, of: .chat)
            if step == 30 { await log.retract("Withdrawn.", .chat, of: .chat) }
            if step % 2 == 0 { await life.journaled() }
        }
        await life.journaled()
        var ends: [(StreamLog, Int)] = []
        for log in logs { ends.append((log, await log.lastOffset)) }
        return ends
    }

    @Test(
        "From a kill at any byte of the log comes what was on disk, with an honest end, the same again at every start")
    func anyByte() async throws {
        let data = try DataFolder()
        let settings = Lifetime.settings { $0.journalInterval = .seconds(60) }
        let streams = try await record(data, settings)
        let whole = data.log
        var truths: [StreamID: Viewing] = [:]
        for (log, _) in streams {
            let bytes = await log.everything()
            var viewing = Viewing()
            viewing.read(bytes)
            truths[log.id] = viewing
        }
        var random = SplitMix(seed: 20)
        var interrupted = 0
        var complete = 0
        for number in 0..<200 {
            let cut = Int.random(in: 0...whole.count, using: &random)
            let crashed = try DataFolder(copying: data, log: whole.prefix(cut))
            var before: [StreamID: [Int?]] = [:]
            for _ in 1...(number % 4 == 0 ? 2 : 1) {
                let life = try await Lifetime(in: crashed, settings)
                for (log, top) in streams {
                    guard let truth = truths[log.id], let viewing = try await life.viewing(log.id) else { continue }
                    let shown = viewing.offsets.compactMap(\.self).filter { $0 <= top }
                    #expect(
                        Array(viewing.events.prefix(shown.count)) == Array(truth.events.prefix(shown.count)), "\(cut)")
                    #expect(shown == Array(1...max(shown.count, 1)).prefix(shown.count).map(\.self), "\(cut)")
                    #expect(viewing.faults == [], "\(cut)")
                    var kept = Viewing()
                    for (event, offset) in zip(truth.events, truth.offsets).prefix(shown.count) {
                        kept.read(StreamLog.encoded(event, EventID(stream: log.id, offset: offset ?? 0)))
                    }
                    #expect(
                        viewing.texts.filter { !$0.value.isEmpty } == kept.texts.filter { !$0.value.isEmpty }, "\(cut)")
                    let isWhole = shown.count == truth.events.count && truth.outcome != nil
                    #expect(viewing.outcome == (isWhole ? .complete : .interrupted), "\(cut)")
                    if isWhole { complete += 1 } else { interrupted += 1 }
                    #expect(before[log.id] == nil || before[log.id] == viewing.offsets, "\(cut)")
                    before[log.id] = viewing.offsets
                }
                await life.journal.close()
            }
        }
        #expect(interrupted > 200 && complete > 0)
    }

    @Test("A row that does not open cuts a running stream there, and leaves a finished one to the store")
    func damagedRows() async throws {
        let data = try DataFolder()
        let first = try await Lifetime(in: data)
        let running = try await first.start()
        let finished = try await first.start()
        for step in 0..<4 {
            for log in [running, finished] {
                await log.write("Step \(step). ", to: .chat, of: .chat)
                await log.flush()
            }
            await first.journaled()
        }
        await first.finish(finished)
        await first.journaled()
        let crashed = try DataFolder(copying: data, log: data.log)
        try await crashed.change(
            """
            UPDATE segment SET events = zeroblob(200) WHERE first =
                (SELECT first FROM segment GROUP BY first ORDER BY first LIMIT 1 OFFSET 2)
            """)
        let second = try await Lifetime(in: crashed)
        let viewing = try #require(try await second.viewing(running.id))
        #expect(viewing.texts[.chat] == "Step 0. Step 1. ")
        #expect(viewing.outcome == .interrupted)
        #expect(try await second.viewing(finished.id) == nil)
        await second.journal.close()
        await first.journal.close()
    }

    @Test("A journal of another keyring is refused, and left as it is")
    func wrongKey() async throws {
        let data = try DataFolder()
        let first = try await Lifetime(in: data)
        await first.journal.close()
        let other = try DataFolder()
        await #expect(throws: JournalError.self) {
            _ = try await Journal.open(path: data.path, keyring: other.keyring, log: .init { _ in })
        }
        #expect(try await data.count("journal") == 1)
    }

    @Test("A file that is none of SQLite's is moved aside, never deleted, and another begun")
    func damagedFile() async throws {
        let data = try DataFolder()
        let garbage = Data((0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        try garbage.write(to: URL(filePath: data.path))
        let life = try await Lifetime(in: data)
        let log = try await life.start()
        await log.write("Goes on. ", to: .chat, of: .chat)
        await life.journaled()
        #expect(life.journal.statistics.entries > 0)
        await life.journal.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: data.folder.path)
        let aside = try #require(names.first { $0.hasPrefix("journal.sqlite.damaged-") && !$0.hasSuffix("-wal") })
        #expect(try Data(contentsOf: URL(filePath: "\(data.folder.path)/\(aside)")) == garbage)
    }
}

extension StreamLog {
    /// The events so far.
    fileprivate func everything() async -> [UInt8] {
        var bytes: [UInt8] = []
        var last = 0
        while last < lastOffset, let batch = await next(after: last) {
            bytes += batch.bytes
            last = batch.last
        }
        return bytes
    }
}
