import Core
import Reactor
import Streaming
import TestSupport
import Testing

/// How streams end, and who may end them.
@Suite("The end of a stream", .timeLimit(.minutes(1)))
struct EndingTests {
    /// What a run may do, none of it well.
    enum Manner: String, CaseIterable, Sendable {
        case returnsAtOnce, returnsAfterText, finishesTwice, writesAfterItsEnd, heedsNoStop, endsWhenStopped
    }

    private func perform(_ manner: Manner, into log: isolated StreamLog) async {
        switch manner {
        case .returnsAtOnce: return
        case .returnsAfterText: log.write("Some text", to: .chat, of: .chat)
        case .finishesTwice:
            log.finish(.done(.complete))
            log.finish(.done(.failed))
        case .writesAfterItsEnd:
            log.finish(.done(.complete))
            log.write("Too late. ", to: .chat, of: .chat)
            log.append(.progress(100))
        case .heedsNoStop:
            for _ in 0..<200 {
                log.write("On and on. ", to: .chat, of: .chat)
                await Task.yield()
            }
        case .endsWhenStopped:
            while !Task.isCancelled {
                log.write("On and on. ", to: .chat, of: .chat)
                await Task.yield()
            }
        }
    }

    @Test("Every log ends with one terminal event, whatever its run does", arguments: Manner.allCases)
    func oneEnd(manner: Manner) async throws {
        let hub = StreamHub(StreamingSettings())
        let log = try await hub.start(StreamID(), owner: someone, on: Run.loops[0].loop) { log in
            await perform(manner, into: log)
        }
        async let seen = log.transcript()
        if manner == .endsWhenStopped {
            _ = await log.next(after: 3)
            await log.stop(.user)
        }
        let transcript = try await seen
        #expect(transcript.events.count { $0.type == .streamDone } == 1)
        #expect(transcript.events.last?.type == .streamDone)
        #expect(transcript.faults == [])
        let isWell = manner == .finishesTwice || manner == .writesAfterItsEnd
        #expect(transcript.outcome == (isWell ? .complete : .failed))
        #expect((transcript.event(.error) == nil) == isWell)
        #expect(hub.runningCount == 0)
    }

    @Test("A stop at any point keeps the text so far and ends the log once", arguments: UInt64(1)...100)
    func stopAnywhere(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let point = Int.random(in: 0...60, using: &random)
        let reason = [StreamLog.StopReason.user, .shutdown, .detached].randomElement(using: &random) ?? .user
        let isAbandoned = Int.random(in: 0..<4, using: &random) == 0
        let hub = StreamHub(StreamingSettings())
        let log = try await hub.start(StreamID(), owner: someone, on: Run.loops[0].loop) { log in
            for number in 0..<50 where !Task.isCancelled {
                log.write("Sentence \(number). ", to: .chat, of: .chat)
                await Task.yield()
            }
            log.finish(.done(log.stopReason == nil ? .complete : .cancelled))
        }
        async let seen = log.transcript()
        for _ in 0..<point { await Task.yield() }
        if isAbandoned { await hub.abandonAll() } else { await log.stop(reason) }
        let transcript = try await seen
        #expect(transcript.events.count { $0.type == .streamDone } == 1, "seed \(seed)")
        #expect(transcript.events.last?.type == .streamDone, "seed \(seed)")
        #expect(transcript.faults == [], "seed \(seed)")
        let whole = (0..<50).map { "Sentence \($0). " }.joined()
        #expect(whole.hasPrefix(transcript.texts[.chat] ?? ""), "seed \(seed)")
        if transcript.outcome == .complete { #expect(transcript.texts[.chat] == whole, "seed \(seed)") }
    }

    @Test("The first reason to stop counts, and a stop cancels the run at once")
    func firstReason() async throws {
        let run = try await Run { $0.finish(.done(.cancelled)) }
        await run.log.stop(.user)
        await run.log.stop(.shutdown)
        await run.log.ended()
        #expect(await run.log.stopReason == .user)
        #expect(await run.log.outcome == .cancelled)
    }

    @Test("A run that hangs in a shutdown is left behind, and its viewers get their last event")
    func abandoned() async throws {
        let gate = AsyncStream.makeStream(of: Void.self)
        let hub = StreamHub(StreamingSettings())
        let log = try await hub.start(StreamID(), owner: someone, on: Run.loops[0].loop) { log in
            log.write("What came so far ", to: .chat, of: .chat)
            // A task of its own heeds no cancellation, as a store that hangs.
            await Task { for await _ in gate.stream {} }.value
            log.write("and later.", to: .chat, of: .chat)
            log.finish(.done(.complete))
        }
        async let seen = log.transcript()
        _ = await log.next(after: 0)
        await hub.stopAll(.shutdown)
        await hub.abandonAll()
        let transcript = try await seen
        #expect(transcript.outcome == .truncated)
        #expect(transcript.texts == [.chat: "What came so far "])
        #expect(transcript.event(.error)?.errorCode == PlatformError.Code.shuttingDown.rawValue)
        await hub.idle()
        gate.continuation.finish()
        #expect(await log.lastOffset == transcript.last)
    }

    // MARK: Detaching

    /// What stopped a run that would go on for ever, if anything did, some time after `body`.
    ///
    /// All of it happens in one turn of the loop, as in the server: however busy the machine is, no grace runs out
    /// meanwhile.
    private func stopReason(
        _ policy: StreamingSettings.DetachPolicy,
        while body: @escaping @Sendable (StreamLog, isolated LoopActor) async throws -> Void
    ) async throws -> StreamLog.StopReason? {
        let home = Run.loops[0]
        let settings = StreamingSettings.with {
            $0.onDetach = policy
            $0.detachGrace = .milliseconds(20)
        }
        let run = try await Task(executorPreference: home.loop) {
            try await home.run { home in
                let run = try await Run(settings, on: home.loop)
                await run.log.append(.progress(1))
                try await body(run.log, home)
                return run
            }
        }.value
        // On the timers of the same loop, which fire in their order: what was due before has happened.
        await home.run { try? await $0.loop.sleep(for: .milliseconds(60)) }
        let reason = await run.log.stopReason
        await run.finish()
        return reason
    }

    /// Watches until the first batch, then leaves.
    private static func look(at log: StreamLog, _ home: isolated LoopActor) async {
        struct Enough: Error {}
        do { try await log.watch(after: 0) { _ in throw Enough() } } catch {}
    }

    /// Has somebody come who stays, and returns when they are there.
    private static func stay(at log: StreamLog, _ home: LoopActor, waitsForEnd: Bool = false) async {
        let isThere = Tally()
        Task(executorPreference: home.loop) {
            await home.run { _ in
                isThere.add()
                if waitsForEnd { await log.ended() } else { try? await log.watch(after: 0) { _ in } }
            }
        }
        await isThere.reaches(1)
        // Behind what they do next: jobs of a loop keep their order.
        _ = await log.viewerCount
    }

    @Test("Leaving ends nothing where the policy is to finish")
    func finishPolicy() async throws {
        #expect(try await stopReason(.finish) { await Self.look(at: $0, $1) } == nil)
    }

    @Test("Leaving ends the run after the grace where the policy is to cancel, and so does never coming")
    func cancelPolicy() async throws {
        #expect(try await stopReason(.cancel) { await Self.look(at: $0, $1) } == .detached)
        #expect(try await stopReason(.cancel) { _, _ in } == .detached)
    }

    @Test("Who comes back within the grace, or waits for the end alone, keeps the run going", arguments: [false, true])
    func staying(waitsForEnd: Bool) async throws {
        let reason = try await stopReason(.cancel) { log, home in
            await Self.look(at: log, home)
            await Self.stay(at: log, home, waitsForEnd: waitsForEnd)
        }
        #expect(reason == nil)
    }

    @Test("Of two viewers the one who stays keeps the run going")
    func twoViewers() async throws {
        let reason = try await stopReason(.cancel) { log, home in
            await Self.stay(at: log, home)
            await Self.look(at: log, home)
        }
        #expect(reason == nil)
    }
}
