import Core
import Streaming
import TestSupport
import Testing

/// What a restarted server makes of what an earlier one wrote down.
@Suite("Rebuilding streams", .timeLimit(.minutes(1)))
struct RebuildingTests {
    private static let words = ["dose ", "\"500\u{a0}mg\" ", "né\n", "\\ ", "𝟙 ", "x"]

    /// Says this and that, in any order that a run may have.
    static func perform(_ random: inout SplitMix, _ log: isolated StreamLog) {
        let panel: Panel = Bool.random(using: &random) ? .chat : .reasoning
        switch Int.random(in: 0..<12, using: &random) {
        case 0: log.retract("Withdrawn.", panel, of: .chat)
        case 1: log.complete(panel, of: .chat)
        case 2: log.append(.splice("Another goes on.", provider: "b", panel: .chat, stage: .chat))
        default:
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                log.write(words.randomElement(using: &random) ?? "", to: panel, of: .chat)
            }
        }
    }

    @Test(
        "From any prefix of a journal comes the text that it holds, an honest end, and no id twice",
        arguments: UInt64(1)...200)
    func anyPrefix(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let journal = MemoryJournal()
        let settings = StreamingSettings.with {
            $0.journalInterval = .seconds(60)
            $0.maxBytesPerStream = seed % 8 == 0 ? 128 << 10 : 2 << 20
            $0.durability = seed % 3 == 0 ? .beforeDelivery : .behind
        }
        let run = try await Run(in: StreamHub(settings, journal: journal))
        for _ in 0..<Int.random(in: 1...25, using: &random) {
            random = await run.log.perform(random)
            if seed % 8 == 0, Int.random(in: 0..<8, using: &random) == 0 { await run.log.appendLarge(10) }
            if Int.random(in: 0..<3, using: &random) == 0 { await run.hub.journaled(on: [run.log.loop]) }
        }
        let shown = await run.log.lastOffset
        let entries = journal.entries
        let counts = Set([0, 1, entries.count, Int.random(in: 0...entries.count, using: &random)])
        for count in counts where count <= entries.count {
            var truth = Viewing()
            for entry in entries.prefix(count) { truth.read(entry.events) }
            var stream = try #require(journal.rebuilt(run.log, first: count, settings), "seed \(seed)")
            #expect(stream.lastOffset == truth.last, "seed \(seed)")
            #expect(stream.text(.chat) == truth.texts[.chat] ?? "", "seed \(seed)")
            #expect(stream.text(.reasoning) == truth.texts[.reasoning] ?? "", "seed \(seed)")
            #expect(stream.outcome == nil)
            let ending = stream.interrupt()
            #expect(stream.outcome == .interrupted)
            #expect(ending.first > shown && ending.last == ending.first + 2, "seed \(seed)")
            try await view(stream, settings, truth, shown: shown, &random, seed)

            // What is written of the end says the same to the server after the next.
            var again = try #require(journal.rebuilt(run.log, first: count, settings))
            let isTaken = again.add(ending.events, first: ending.first, last: ending.last)
            #expect(isTaken)
            #expect(again.outcome == .interrupted && again.lastOffset == stream.lastOffset)
            #expect(again.panels == stream.panels)
        }
        await run.finish()
    }

    /// Looks at a rebuilt stream from its beginning, from where it was read to, and from beyond what was written.
    private func view(
        _ stream: JournaledStream, _ settings: StreamingSettings, _ truth: Viewing, shown: Int,
        _ random: inout SplitMix, _ seed: UInt64
    ) async throws {
        let hub = StreamHub(settings)
        #expect(hub.restore(stream, endedBefore: .zero, on: Run.loops[0].loop))
        let log = try #require(hub.log(stream.id, for: someone))
        let middle = Int.random(in: 0...max(truth.last, 1), using: &random)
        for offset in Set([0, middle, truth.last, Int.random(in: 0...shown, using: &random), shown, shown + 1_000]) {
            let viewing = try await log.transcript(after: offset)
            // One that begins in the middle has not seen what these are about.
            let faults = viewing.faults.filter { fault in
                !["chunk", "bytes of", "nothing that is shown"].contains { fault.contains($0) }
            }
            #expect(faults == [], "seed \(seed), after \(offset)")
            let texts = [viewing.texts, truth.texts].map { $0.filter { !$0.value.isEmpty } }
            #expect(texts[0] == texts[1], "seed \(seed), after \(offset)")
            #expect(viewing.outcome == .interrupted, "seed \(seed)")
            let offsets = [offset] + viewing.offsets.compactMap(\.self)
            #expect(zip(offsets, offsets.dropFirst()).allSatisfy { $0 < $1 }, "seed \(seed), after \(offset)")
            // One whose place is no longer kept is told the text and the end alone.
            guard viewing.events.count > 2 else { continue }
            #expect(viewing.event(.error)?.errorCode == "interrupted" && viewing.event(.error)?.retryAvailable == true)
        }
        #expect(hub.byteCount > 0 && hub.runningCount == 0)
    }

    @Test("A finished stream replays with the same ids and bytes until its retention is over")
    func finished() async throws {
        let journal = MemoryJournal()
        let run = try await JournalTests.run(JournalTests.behind, journal)
        for _ in 0..<40 { await run.log.appendLarge() }
        await run.log.write("All of it. ", to: .chat, of: .chat)
        await run.finish()
        await run.hub.journaled(on: [run.log.loop])
        let stream = try #require(journal.rebuilt(run.log))
        let time = VirtualTime()
        let hub = StreamHub(StreamingSettings(), now: time.now)
        #expect(hub.restore(stream, endedBefore: .seconds(500), on: Run.loops[1].loop))
        #expect(!hub.restore(stream, endedBefore: .seconds(601), on: Run.loops[1].loop))
        let log = try #require(hub.log(run.log.id, for: someone))
        let (before, after) = (try await run.log.transcript(), try await log.transcript())
        #expect(after.events == before.events && after.offsets == before.offsets)
        #expect(await log.next(after: after.last) == nil)
        #expect(hub.log(run.log.id, for: UserID()) == nil)
        time.pass(.seconds(101))
        #expect(hub.log(run.log.id, for: someone) == nil)
        #expect(hub.byteCount == 0)
    }

    @Test("An entry that is written twice counts once; one that is not whole is refused")
    func entries() async throws {
        let journal = MemoryJournal()
        let run = try await JournalTests.run(JournalTests.behind, journal)
        await run.log.write("Once and for all. ", to: .chat, of: .chat)
        await run.finish()
        await run.hub.journaled(on: [run.log.loop])
        var stream = try #require(journal.rebuilt(run.log))
        let entry = try #require(journal.entries.last)
        let isTaken = stream.add(entry.events, first: entry.first, last: entry.last)
        #expect(isTaken)
        #expect(stream.text(.chat) == "Once and for all. ")
        let next = stream.lastOffset + 1
        let isCutTaken = stream.add(Array(entry.events.dropLast()), first: next, last: next + entry.last - entry.first)
        #expect(!isCutTaken)
        let isShortTaken = stream.add(entry.events, first: next, last: next + entry.last - entry.first + 1)
        #expect(!isShortTaken)
    }
}

extension StreamLog {
    /// One step of a random run.
    fileprivate func perform(_ random: SplitMix) -> SplitMix {
        var random = random
        RebuildingTests.perform(&random, self)
        return random
    }
}
