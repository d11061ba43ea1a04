import Core
import Hashing
import Reactor
import Streaming
import TestSupport
import Testing

/// Where a reader may stand when it comes, and what it gets: the rows of the attach table.
@Suite("Attaching to a stream", .timeLimit(.minutes(1)))
struct AttachTests {
    /// A log of which the first events are gone: text first, then enough to push it out.
    private func trimmed() async throws -> (run: Run, text: String) {
        let run = try await Run(.with { $0.maxBytesPerStream = 64 << 10 })
        await run.log.write("The first words are gone from the log. ", to: .chat, of: .chat)
        await run.log.write("Reasons are not. ", to: .reasoning, of: .chat)
        await run.log.appendLarge(40)
        return (run, "The first words are gone from the log. ")
    }

    @Test("A reader without a place sees everything from the first event, then what comes")
    func nothing() async throws {
        let run = try await Run()
        await run.log.write("Before it came, ", to: .chat, of: .chat)
        async let seen = run.log.transcript()
        try await wait(while: await run.log.viewerCount == 0)
        await run.log.write("and after.", to: .chat, of: .chat)
        await run.finish()
        let transcript = try await seen
        #expect(transcript.texts == [.chat: "Before it came, and after."])
        #expect(transcript.offsets == Array(1...transcript.last).map(Optional.some))
        #expect(transcript.faults == [])
    }

    @Test("A reader inside the log sees exactly what follows its place", arguments: [1, 2, 5, 9])
    func inside(offset: Int) async throws {
        let run = try await Run()
        for number in 1...9 { await run.log.append(.progress(number)) }
        await run.finish()
        let transcript = try await run.log.transcript(after: offset)
        #expect(transcript.offsets == Array(offset + 1...10).map(Optional.some))
        #expect(transcript.faults == [])
    }

    @Test(
        "A reader whose place was trimmed, or who has none, gets the whole text at once, then what follows",
        arguments: [0, 1, 3])
    func trimmed(offset: Int) async throws {
        let (run, text) = try await trimmed()
        let last = await run.log.lastOffset
        async let seen = run.log.transcript(after: offset)
        try await wait(while: await run.log.viewerCount == 0)
        await run.log.write("More.", to: .chat, of: .chat)
        await run.finish()
        let transcript = try await seen
        #expect(transcript.events.first?.type == .resync)
        #expect(transcript.events.count { $0.type == .resync } == 1)
        #expect(transcript.offsets.first.flatMap { $0 } ?? 0 >= last)
        #expect(transcript.texts == [.chat: text + "More.", .reasoning: "Reasons are not. "])
        #expect(transcript.outcome == .complete)
        #expect(transcript.faults == [])
    }

    @Test("The oldest event that is kept can still be followed without a resync")
    func oldestKept() async throws {
        let (run, _) = try await trimmed()
        await run.finish()
        let last = await run.log.lastOffset
        // The log says nowhere how far back it reaches: the first place that needs no resync is there, and before it all
        // places do.
        var first = 0
        while first < last, try await run.log.transcript(after: first).events.first?.type == .resync { first += 1 }
        #expect((1..<last).contains(first))
        let transcript = try await run.log.transcript(after: first)
        #expect(transcript.offsets == Array(first + 1...last).map(Optional.some))
        #expect(transcript.faults == [])
    }

    @Test("A place beyond the newest event is not believed", arguments: [12, 1_000_000, Int.max])
    func beyond(offset: Int) async throws {
        let run = try await Run()
        await run.log.write("As it is. ", to: .chat, of: .chat)
        async let seen = run.log.transcript(after: offset)
        try await wait(while: await run.log.viewerCount == 0)
        await run.log.write("As it goes on.", to: .chat, of: .chat)
        await run.finish()
        let transcript = try await seen
        #expect(transcript.events.first?.type == .resync)
        #expect(transcript.texts == [.chat: "As it is. As it goes on."])
        #expect(transcript.faults == [])
    }

    @Test("A place beyond an empty log is answered with an empty resync, from which the reader goes on")
    func beyondNothing() async throws {
        let run = try await Run()
        var transcript = Viewing(after: 7)
        let first = try #require(await run.log.next(after: 7))
        transcript.read(first.bytes)
        #expect(transcript.offsets == [0])
        await run.log.write("All of it.", to: .chat, of: .chat)
        await run.finish()
        try await run.log.watch(after: first.last) { transcript.read($0.bytes) }
        #expect(transcript.texts == [.chat: "All of it."])
        #expect(transcript.faults == [])
    }

    @Test("After the end a reader gets the rest and the end", arguments: [0, 1, 3])
    func finished(offset: Int) async throws {
        let run = try await Run()
        for number in 1...3 { await run.log.append(.progress(number)) }
        await run.finish()
        let transcript = try await run.log.transcript(after: offset)
        #expect(transcript.offsets == Array(offset + 1...4).map(Optional.some))
        #expect(transcript.outcome == .complete)
    }

    @Test("A reader at the end of a log that has ended gets nothing")
    func atTheEnd() async throws {
        let run = try await Run()
        await run.finish()
        #expect(try await run.log.transcript(after: run.log.lastOffset).events == [])
    }

    @Test("A reader beyond the end of a log that has ended, or before its beginning, gets the text and the end")
    func beyondTheEnd() async throws {
        let (run, text) = try await trimmed()
        await run.finish()
        for offset in [0, 1_000] {
            let transcript = try await run.log.transcript(after: offset)
            #expect(transcript.story == [.resync, .streamDone])
            #expect(transcript.texts[.chat] == text)
            #expect(transcript.faults == [])
        }
    }

    @Test("Only its owner finds a stream")
    func ownership() async throws {
        let run = try await Run()
        #expect(run.hub.log(run.log.id, for: someone) === run.log)
        #expect(run.hub.log(run.log.id, for: UserID()) == nil)
        #expect(run.hub.log(StreamID(), for: someone) == nil)
        run.hub.remove(run.log.id, for: UserID())
        #expect(run.hub.log(run.log.id, for: someone) === run.log)
        await run.finish()
    }

    @Test("A long log is replayed in batches of at most 64 KiB and one event, without a gap between them")
    func batches() async throws {
        let run = try await Run(.with { $0.maxBytesPerStream = 16 << 20 })
        await run.log.write(String(repeating: "a few words of some length ", count: 2_000), to: .chat, of: .chat)
        await run.log.appendLarge(100)
        await run.finish()
        let (sizes, transcript) = try await Run.loops[1].run { _ in
            var sizes: [Int] = []
            var transcript = Viewing()
            try await run.log.watch(after: 0) { batch in
                sizes.append(batch.bytes.count)
                transcript.read(batch.bytes)
                if transcript.last != batch.last { sizes.append(.max) }
            }
            return (sizes, transcript)
        }
        #expect(sizes.count > 20)
        #expect(sizes.allSatisfy { $0 <= (64 << 10) + (9 << 10) })
        #expect(transcript.last == (await run.log.lastOffset))
        #expect(transcript.faults == [])
    }

    @Test("The number of events is bounded as well as their bytes")
    func eventBound() async throws {
        let run = try await Run(.with { $0.maxEventsPerStream = 20 })
        await run.log.appendLarge(200)
        await run.finish()
        let last = await run.log.lastOffset
        #expect(try await run.log.transcript(after: last - 20).events.first?.type == .progress)
        // A segment is eight of these events, and is let go of as a whole.
        #expect(try await run.log.transcript(after: last - 20 - 24).events.first?.type == .resync)
    }
}
