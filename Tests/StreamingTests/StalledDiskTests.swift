import Core
import Streaming
import TestSupport
import Testing

/// What becomes of answers of which nothing may be shown before it is on disk, when the disk takes nothing.
@Suite("A stalled disk", .timeLimit(.minutes(1)))
struct StalledDiskTests {
    static let settings = StreamingSettings.with {
        $0.durability = .beforeDelivery
        // Long enough for a disk that is well, and for a run to end, on a machine that is not.
        $0.journalTimeout = .seconds(3)
    }

    /// A run that ends as it is told to when the disk stalls.
    private func run(_ journal: MemoryJournal) async throws -> Run {
        try await Run(in: StreamHub(Self.settings, journal: journal)) { log in
            log.append(PlatformError(.storageFailed, StreamLog.storageSentence))
            log.finish(.done(.truncated))
        }
    }

    @Test("An answer ends with what is on disk, and says why", arguments: [MemoryJournal.Mood.stalled, .failing])
    func ends(mood: MemoryJournal.Mood) async throws {
        let journal = MemoryJournal()
        let run = try await run(journal)
        await run.log.write("On disk. ", to: .chat, of: .chat)
        await run.hub.journaled(on: [run.log.loop])
        let shown = await run.log.lastOffset
        journal.become(mood)
        let hidden = await run.log.offset(afterWriting: "Never shown. ")
        async let seen = run.log.transcript()
        // Told by the resync, which leaves out the offsets that were not shown.
        try await wait(while: await run.log.lastOffset == hidden)
        #expect(await run.log.stopReason == .storage)
        #expect(await run.log.text(.chat, .chat) == "On disk. ")
        await run.log.write("Taken no more. ", to: .chat, of: .chat)
        await run.finish()
        let viewing = try await seen
        #expect(viewing.faults == [])
        #expect(viewing.texts[.chat] == "On disk. ")
        #expect(viewing.outcome == .truncated)
        #expect(viewing.event(.error)?.errorCode == "storage_failed")
        #expect(viewing.offsets.compactMap(\.self) == Array(1...shown) + [hidden + 1, hidden + 2, hidden + 3])

        // The disk may get what was never shown after all; the ids stay what they were, and the end has the text.
        journal.become(.well)
        await run.hub.journaled(on: [run.log.loop])
        let rebuilt = try #require(journal.rebuilt(run.log, Self.settings))
        #expect(rebuilt.outcome == .truncated)
        #expect(rebuilt.text(.chat) == "On disk. ")
        #expect(rebuilt.lastOffset == hidden + 3)
    }

    @Test("An answer that was whole before the disk stalled, but is recorded nowhere, ends truncated")
    func endedAlready() async throws {
        let journal = MemoryJournal()
        let hub = StreamHub(Self.settings, journal: journal)
        let run = try await Run(in: hub)
        await run.log.write("On disk. ", to: .chat, of: .chat)
        await hub.journaled(on: [run.log.loop])
        journal.become(.stalled)
        await run.log.write("Never shown. ", to: .chat, of: .chat)
        async let seen = run.log.transcript()
        await run.finish()
        #expect(try await seen.texts[.chat] == "On disk. ")
        #expect(try await seen.outcome == .truncated)
        #expect(try await seen.faults == [])
        #expect(hub.runningCount == 0)
        journal.become(.well)
        await hub.journaled(on: [run.log.loop])
    }

    @Test("An answer that the store has is shown: it is on disk")
    func recorded() async throws {
        let journal = MemoryJournal()
        let run = try await Run(in: StreamHub(Self.settings, journal: journal)) { log in
            log.append(.saved(message: MessageID()))
            log.finish(.done(.complete))
        }
        journal.become(.stalled)
        await run.log.write("In the store. ", to: .chat, of: .chat)
        async let seen = run.log.transcript()
        await run.finish()
        #expect(try await seen.texts[.chat] == "In the store. ")
        #expect(try await seen.outcome == .complete)
        journal.become(.well)
        await run.hub.journaled(on: [run.log.loop])
    }

    @Test("No answer begins while none could be shown, and the next one after the disk is well again does")
    func refused() async throws {
        let journal = MemoryJournal()
        let run = try await run(journal)
        journal.become(.failing)
        await run.log.write("Never shown. ", to: .chat, of: .chat)
        try await wait(while: await run.log.stopReason == nil)
        await #expect(throws: PlatformError.self) { _ = try await Run(in: run.hub) }
        journal.become(.well)
        await run.finish()
        await run.hub.journaled(on: [run.log.loop])
        let next = try await Run(in: run.hub)
        await next.finish()
    }
}

extension StreamLog {
    /// Writes and looks in one go, before the disk is given up.
    fileprivate func offset(afterWriting text: String) -> Int {
        write(text, to: .chat, of: .chat)
        return lastOffset
    }
}
