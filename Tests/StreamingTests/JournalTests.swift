import Core
import Reactor
import Streaming
import TestSupport
import Testing

/// What reaches the journal, when, and what happens when it takes nothing.
@Suite("A journaled stream", .timeLimit(.minutes(1)))
struct JournalTests {
    static let behind = StreamingSettings.with { $0.journalInterval = .milliseconds(10) }

    static let first = StreamingSettings.with {
        $0.durability = .beforeDelivery
        $0.journalTimeout = .seconds(30)
    }

    static func run(_ settings: StreamingSettings, _ journal: MemoryJournal) async throws -> Run {
        try await Run(in: StreamHub(settings, journal: journal))
    }

    /// All that a journal has of a stream, as a viewer would read it.
    static func viewing(_ journal: MemoryJournal, _ id: StreamID) -> Viewing {
        var viewing = Viewing()
        for entry in journal.entries where entry.stream == id { viewing.read(entry.events) }
        return viewing
    }

    @Test("The journal gets every event once, with the stream's owner and end", arguments: [behind, first])
    func all(settings: StreamingSettings) async throws {
        let journal = MemoryJournal()
        let run = try await Self.run(settings, journal)
        for number in 0..<300 {
            await run.log.write("Word\(number) ", to: number < 100 ? .reasoning : .chat, of: .chat)
            if number % 50 == 0 { await run.hub.journaled(on: [run.log.loop]) }
        }
        await run.finish()
        await run.hub.journaled(on: [run.log.loop])
        let seen = try await run.log.transcript()
        let written = Self.viewing(journal, run.log.id)
        #expect(written.faults == [])
        #expect(written.events == seen.events)
        #expect(written.offsets == seen.offsets)
        #expect(journal.entries.allSatisfy { $0.owner == someone })
        #expect(journal.entries.map(\.outcome).last == .complete)
        #expect(journal.entries.dropLast().allSatisfy { $0.outcome == nil })
    }

    @Test("With behind, what comes in an interval goes in one call for all the logs of a loop")
    func together() async throws {
        let journal = MemoryJournal()
        let hub = StreamHub(.with { $0.journalInterval = .milliseconds(50) }, journal: journal)
        var runs: [Run] = []
        for _ in 0..<20 { runs.append(try await Run(in: hub)) }
        let logs = runs.map(\.log)
        // In one turn, so that however busy the machine is no interval ends between them.
        await logs[0].writeInEach(logs)
        await journal.calls.reaches(1)
        #expect(journal.calls.value == 1)
        #expect(Set(journal.entries.map(\.stream)) == Set(logs.map(\.id)))
        #expect(journal.entries.count == 20)
        for run in runs { await run.finish() }
    }

    @Test("With before_delivery, a viewer sees nothing that is not on disk, and all of it as soon as it is")
    func nothingBefore() async throws {
        let journal = MemoryJournal()
        let run = try await Self.run(Self.first, journal)
        await run.log.write("On disk. ", to: .chat, of: .chat)
        await run.hub.journaled(on: [run.log.loop])
        journal.become(.stalled)
        await run.log.write("Not on disk. ", to: .chat, of: .chat)
        let offset = Self.viewing(journal, run.log.id).last
        let seen = await run.log.next(after: 0)
        #expect(seen?.last == offset)
        var viewing = Viewing()
        viewing.read(seen?.bytes ?? [])
        #expect(viewing.texts[.chat] == "On disk. ")
        // One that has fallen out of the log is shown no more, either.
        var late = Viewing(after: 1_000)
        late.read(await run.log.next(after: 1_000)?.bytes ?? [])
        #expect(late.texts[.chat] == "On disk. ")
        #expect(late.last == offset)
        #expect(await run.log.lastOffset > offset)
        async let rest = run.log.transcript(after: offset)
        journal.become(.well)
        await run.finish()
        #expect(try await rest.texts[.chat] == "Not on disk. ")
        #expect(try await rest.outcome == .complete)
    }

    @Test("With before_delivery, a withdrawn text is shown until its withdrawal is on disk")
    func withdrawal() async throws {
        let journal = MemoryJournal()
        let run = try await Self.run(Self.first, journal)
        await run.log.write("Wrong. ", to: .chat, of: .chat)
        await run.hub.journaled(on: [run.log.loop])
        journal.become(.stalled)
        await run.log.retract("Withdrawn.", .chat, of: .chat)
        await run.log.write("Right. ", to: .chat, of: .chat)
        var late = Viewing(after: 1_000)
        late.read(await run.log.next(after: 1_000)?.bytes ?? [])
        #expect(late.texts[.chat] == "Wrong. ")
        journal.become(.well)
        await run.finish()
        late.read(await run.log.next(after: late.last)?.bytes ?? [])
        let whole = try await run.log.transcript(after: 1_000)
        #expect(whole.texts[.chat] == "Right. ")
        #expect(try await run.log.transcript().texts[.chat] == "Right. ")
        #expect(late.faults == [])
    }

    @Test("With behind, a disk that fails holds up nobody, and gets everything when it is well again")
    func failing() async throws {
        let journal = MemoryJournal(.failing)
        let run = try await Self.run(Self.behind, journal)
        await run.log.write("Shown all the same. ", to: .chat, of: .chat)
        await journal.calls.reaches(2)
        var viewing = Viewing()
        viewing.read(await run.log.next(after: 0)?.bytes ?? [])
        #expect(viewing.texts[.chat] == "Shown all the same. ")
        await run.finish()
        #expect(journal.entries.isEmpty)
        journal.become(.well)
        await run.hub.journaled(on: [run.log.loop])
        #expect(Self.viewing(journal, run.log.id).events == (try await run.log.transcript()).events)
    }

    @Test("Who waits for the beginning of a run goes on once it is on disk, and not an interval later")
    func begun() async throws {
        let journal = MemoryJournal(.stalled)
        let run = try await Self.run(.with { $0.journalInterval = .seconds(3600) }, journal)
        await run.log.write("The beginning. ", to: .chat, of: .chat)
        async let isThere = {
            await run.log.begunOnDisk()
            return !journal.entries.isEmpty
        }()
        await journal.calls.reaches(1)
        journal.become(.well)
        #expect(await isThere)
        // It is there for good.
        await run.log.begunOnDisk()
        #expect(journal.calls.value == 1)
        await run.finish()
    }

    @Test(
        "Who waits for the beginning of a run is not held up by a disk that takes nothing",
        arguments: [
            MemoryJournal.Mood.failing, .stalled,
        ])
    func begunNowhere(mood: MemoryJournal.Mood) async throws {
        let journal = MemoryJournal(mood)
        let run = try await Self.run(Self.behind, journal)
        await run.log.write("The beginning. ", to: .chat, of: .chat)
        await run.log.begunOnDisk()
        #expect(journal.entries.isEmpty)
        let forgotten = try await Run(in: run.hub)
        async let waits: Void = forgotten.log.begunOnDisk()
        run.hub.remove(forgotten.log.id, for: someone)
        await waits
        await run.finish()
        await forgotten.finish()
        journal.become(.well)
    }

    @Test("A log that outgrows its bounds while the disk takes nothing is written down by its text")
    func outgrown() async throws {
        let settings = StreamingSettings.with {
            $0.journalInterval = .milliseconds(10)
            $0.maxBytesPerStream = 64 << 10
        }
        let journal = MemoryJournal()
        let run = try await Self.run(settings, journal)
        await run.log.write("The beginning. ", to: .chat, of: .chat)
        await run.hub.journaled(on: [run.log.loop])
        journal.become(.stalled)
        let calls = journal.calls.value
        await run.log.write("On its way. ", to: .chat, of: .chat)
        await journal.calls.reaches(calls + 1)
        for _ in 0..<40 { await run.log.appendLarge() }
        await run.log.write("The end. ", to: .chat, of: .chat)
        journal.become(.well)
        await run.finish()
        await run.hub.journaled(on: [run.log.loop])
        let rebuilt = try #require(journal.rebuilt(run.log, settings))
        #expect(rebuilt.text(.chat) == "The beginning. On its way. The end. ")
        #expect(rebuilt.outcome == .complete)
        let last = await run.log.lastOffset
        #expect(rebuilt.lastOffset == last)
        #expect(journal.entries.reduce(0) { $0 + $1.events.count } < 400 << 10)
    }

    @Test("A stream that leaves the hub leaves the journal, and nothing more of it is written")
    func forgotten() async throws {
        let journal = MemoryJournal()
        let run = try await Self.run(Self.behind, journal)
        await run.log.write("To be forgotten. ", to: .chat, of: .chat)
        await run.hub.journaled(on: [run.log.loop])
        #expect(!journal.entries.isEmpty)
        run.hub.remove(run.log.id, for: someone)
        await run.log.write("More of it. ", to: .chat, of: .chat)
        await run.finish()
        await run.hub.journaled(on: [run.log.loop])
        #expect(journal.entries.isEmpty)
        #expect(journal.forgotten == [run.log.id])
    }

    @Test("A stream past its retention leaves the journal with the hub")
    func retention() async throws {
        let time = VirtualTime()
        let journal = MemoryJournal()
        let hub = StreamHub(Self.behind, journal: journal, now: time.now)
        let run = try await Run(in: hub)
        await run.finish()
        await hub.journaled(on: [run.log.loop])
        time.pass(.seconds(601))
        hub.sweep()
        await hub.journaled(on: [run.log.loop])
        #expect(journal.entries.isEmpty)
        #expect(journal.forgotten == [run.log.id])
    }

    @Test("A log past its retention is let go of though the disk takes nothing")
    func letGo() async throws {
        let time = VirtualTime()
        let journal = MemoryJournal()
        let hub = StreamHub(Self.behind, journal: journal, now: time.now)
        let onItsWay = try await Run(in: hub)
        journal.become(.stalled)
        await onItsWay.log.write("On its way. ", to: .chat, of: .chat)
        await journal.calls.reaches(1)
        let waiting = try await weakly(Run(in: hub))
        #expect(waiting() != nil)
        time.pass(.seconds(601))
        hub.sweep()
        // What lets go of it passes through the loop.
        await Run.loops[0].run { _ in }
        #expect(waiting() == nil)
        await onItsWay.finish()
        journal.become(.well)
    }

    private func weakly(_ run: Run) async -> @Sendable () -> StreamLog? {
        await run.log.write("Never on its way. ", to: .chat, of: .chat)
        await run.finish()
        return { [weak log = run.log] in log }
    }

    @Test("With off, nothing is handed over")
    func off() async throws {
        let journal = MemoryJournal()
        let run = try await Self.run(.with { $0.durability = .off }, journal)
        await run.log.write("Nowhere but here. ", to: .chat, of: .chat)
        await run.finish()
        await run.hub.journaled(on: [run.log.loop])
        #expect(journal.calls.value == 0)
    }

    @Test("A token of a journaled stream costs no job")
    func noJob() async throws {
        let journal = MemoryJournal()
        // A loop of its own, whose jobs no other test's runs add to.
        let home = LoopActor()
        let run = try await Run(in: StreamHub(Self.behind, journal: journal), on: home.loop)
        try await withTaskExecutorPreference(home.loop) {
            try await home.run { home in
                let before = home.loop.statistics
                for _ in 0..<100 {
                    await run.log.writeInEach([StreamLog](repeating: run.log, count: 10))
                    try await home.loop.sleep(for: .milliseconds(1))
                }
                let after = home.loop.statistics
                // Those of the sleeps.
                #expect(after.localJobs - before.localJobs <= 200)
                #expect(after.remoteJobs == before.remoteJobs)
            }
        }
        #expect(journal.calls.value > 0)
        await run.finish()
    }
}

extension StreamLog {
    /// Writes into logs of one loop, in one turn.
    fileprivate func writeInEach(_ logs: [StreamLog]) {
        for log in logs { log.assumeIsolated { $0.write("One, two, three, four. ", to: .chat, of: .chat) } }
    }
}
