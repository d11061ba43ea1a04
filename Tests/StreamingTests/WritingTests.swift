import Core
import Hashing
import Reactor
import Streaming
import TestSupport
import Testing

/// What becomes of what a run writes.
@Suite("Writing a stream", .timeLimit(.minutes(1)))
struct WritingTests {
    @Test("Text that waits for the end of its word goes out by itself after a time")
    func maxWait() async throws {
        let run = try await Run(.with { $0.maxChunkWait = .milliseconds(15) })
        await run.log.write("Hel", to: .chat, of: .chat)
        #expect(await run.log.lastOffset == 0)
        let batch = await run.log.next(after: 0)
        var transcript = Viewing()
        transcript.read(batch?.bytes ?? [])
        #expect(transcript.texts == [.chat: "Hel"])
        await run.log.write("lo", to: .chat, of: .chat)
        let second = await run.log.next(after: 1)
        transcript.read(second?.bytes ?? [])
        #expect(transcript.texts == [.chat: "Hello"])
        #expect(transcript.faults == [])
        await run.finish()
    }

    @Test("A word is not cut as long as it may wait")
    func wordsWhole() async throws {
        let run = try await Run(.with { $0.maxChunkWait = .seconds(60) })
        for letter in "Acetylsalicylic acid helps" { await run.log.write(String(letter), to: .chat, of: .chat) }
        await run.finish()
        let chunks = try await run.log.transcript().events.filter { $0.type == .contentChunk }.map(\.content)
        #expect(chunks == ["Acetylsalicylic ", "acid ", "helps"])
    }

    @Test("Turning to another panel ends the words of the one before; each panel counts its own chunks")
    func panels() async throws {
        let run = try await Run(.with { $0.maxChunkWait = .seconds(60) })
        await run.log.write("Thinking", to: .reasoning, of: .chat)
        await run.log.write("Answering", to: .chat, of: .chat)
        await run.log.write("Thinking again", to: .reasoning, of: .chat)
        await run.log.complete(.reasoning, of: .chat)
        await run.log.complete(.chat, of: .chat)
        await run.finish()
        let transcript = try await run.log.transcript()
        #expect(transcript.texts == [.reasoning: "ThinkingThinking again", .chat: "Answering"])
        #expect(transcript.events.prefix(3).map(\.panel) == [.reasoning, .chat, .reasoning])
        #expect(transcript.faults == [])
        #expect(await run.log.text(.reasoning, .chat) == "ThinkingThinking again")
    }

    @Test("The end of a panel names the length and hash of its text, and how many chunks it had")
    func completion() async throws {
        let run = try await Run()
        let text = "Grüße an alle, die \"zitieren\" \\ und\nneue Zeilen 🩺 schreiben."
        await run.log.write(text, to: .chat, of: .onboarding)
        await run.log.complete(.chat, of: .onboarding)
        await run.finish()
        let transcript = try await run.log.transcript()
        let end = try #require(transcript.event(.stageComplete))
        #expect(end.stage == .onboarding)
        #expect(end.length == text.utf8.count)
        #expect(end.sha256 == SHA256.hex(of: text))
        #expect(end.totalExpected == transcript.events.count { $0.type == .contentChunk })
        #expect(transcript.texts == [.chat: text])
    }

    @Test("A panel's text that is withdrawn is gone from the screen, the log's record and the panel's end")
    func retraction() async throws {
        let run = try await Run(.with { $0.maxChunkWait = .seconds(60) })
        let log = run.log
        await log.write("Thinking", to: .reasoning, of: .chat)
        await log.write("Take 🩺 twenty ", to: .chat, of: .chat)
        await log.write("tab", to: .chat, of: .chat)
        await log.retract("Withdrawn.", .chat, of: .chat)
        #expect(await log.text(.chat, .chat).isEmpty)
        await log.retract("Withdrawn.", .chat, of: .chat)
        await log.complete(.reasoning, of: .chat)
        await log.complete(.chat, of: .chat)
        await run.finish()
        let transcript = try await log.transcript()
        #expect(transcript.faults == [])
        #expect(transcript.texts == [.reasoning: "Thinking", .chat: ""])
        #expect(transcript.events.count { $0.type == .retract } == 1)
        #expect(transcript.event(.retract)?.metadata["span"] == ["start": 0, "end": 14])
        #expect(transcript.event(.retract)?.content == "Withdrawn.")
        #expect(!transcript.events.contains { $0.content.contains("tab") })
        #expect(transcript.event(.stageComplete)?.sha256 == SHA256.hex(of: ""))
        #expect(try await log.transcript(after: 1_000).texts == [.reasoning: "Thinking", .chat: ""])
    }

    @Test("A text that grows past its bound stops the run, and is taken no further", arguments: [1, 300, 100_000])
    func tooLong(pieceLength: Int) async throws {
        let run = try await Run(.with { $0.maxTextBytes = 2_000 }) { log in
            log.finish(.done(log.stopReason == .length ? .truncated : .failed))
        }
        var rest = Substring(String(repeating: "word ", count: 1_000))
        while !rest.isEmpty {
            await run.log.write(String(rest.prefix(pieceLength)), to: .chat, of: .chat)
            rest = rest.dropFirst(pieceLength)
        }
        await run.log.ended()
        let transcript = try await run.log.transcript()
        #expect(transcript.outcome == .truncated)
        #expect((1_900...2_100).contains(transcript.texts[.chat]?.utf8.count ?? 0))
        #expect(await run.log.text(.chat, .chat) == transcript.texts[.chat])
    }

    @Test("A log that has ended takes nothing more")
    func closed() async throws {
        let run = try await Run()
        await run.finish()
        let last = await run.log.lastOffset
        await run.log.write("Too late. ", to: .chat, of: .chat)
        await run.log.append(.progress(100))
        await run.log.append(PlatformError(.internalError, "Too late."))
        await run.log.complete(.chat, of: .chat)
        await run.log.finish(.done(.failed))
        await run.log.stop(.user)
        #expect(await run.log.lastOffset == last)
        #expect(await run.log.outcome == .complete)
        #expect(await run.log.failure == nil)
        #expect(await run.log.stopReason == nil)
    }
}
