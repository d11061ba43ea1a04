import Core
import Reactor
import Streaming
import TestSupport
import Testing

/// What the process holds of its streams, and what it refuses.
@Suite("The hub", .timeLimit(.minutes(1)))
struct HubTests {
    @Test("No more runs start than the bound allows, and one that ends makes room")
    func running() async throws {
        let hub = StreamHub(.with { $0.maxRunningStreams = 2 })
        let runs = [try await Run(in: hub), try await Run(in: hub)]
        let error = await #expect(throws: PlatformError.self) { _ = try await Run(in: hub) }
        #expect(error?.code == .unavailable)
        #expect(error?.retryAfter != nil)
        await runs[0].finish()
        let third = try await Run(in: hub)
        #expect(hub.runningCount == 2)
        await third.finish()
        await runs[1].finish()
        #expect(hub.runningCount == 0)
    }

    @Test("No more viewers watch one stream than the bound allows, and one who leaves makes room")
    func viewers() async throws {
        let run = try await Run(.with { $0.maxViewersPerStream = 2 })
        let viewers = (0..<2).map { _ in Task { try await run.log.transcript() } }
        try await wait(while: await run.log.viewerCount < 2)
        let error = await #expect(throws: PlatformError.self) { _ = try await run.log.transcript() }
        #expect(error?.code == .rateLimited)
        viewers[0].cancel()
        _ = try await viewers[0].value
        let third = Task { try await run.log.transcript() }
        try await wait(while: await run.log.viewerCount < 2)
        await run.finish()
        #expect(try await third.value.outcome == .complete)
        #expect(try await viewers[1].value.outcome == .complete)
    }

    @Test("When memory is short the oldest finished streams leave first, running ones never")
    func memory() async throws {
        let hub = StreamHub(.with { $0.maxBytesInTotal = 5_000_000 })
        let running = try await Run(in: hub)
        await running.log.write(String(repeating: "word ", count: 1_000), to: .chat, of: .chat)
        var ended: [StreamLog] = []
        for _ in 0..<4 { ended.append(try await Run.ended(bytes: 50_000, in: hub)) }
        // A log of 50,000 bytes in chunks of five characters takes about 1,500,000.
        #expect(ended.map { hub.log($0.id, for: someone) != nil } == [false, true, true, true])
        #expect(hub.log(running.log.id, for: someone) != nil)
        #expect(hub.byteCount <= 5_000_000)
        ended.append(try await Run.ended(bytes: 50_000, in: hub))
        #expect(ended.map { hub.log($0.id, for: someone) != nil } == [false, false, true, true, true])
        await running.finish()
    }

    @Test("A user's streams are found together, running and finished, and nobody else's")
    func ofUser() async throws {
        let hub = StreamHub(StreamingSettings())
        let (running, other) = (try await Run(in: hub), try await Run(in: hub, owner: UserID()))
        let ended = try await Run.ended(bytes: 10, in: hub)
        #expect(Set(hub.logs(of: someone).map(\.id)) == [running.log.id, ended.id])
        #expect(hub.logs(of: UserID()).isEmpty)
        hub.remove(ended.id, for: someone)
        #expect(hub.logs(of: someone).map(\.id) == [running.log.id])
        await running.finish()
        await other.finish()
    }

    @Test("When running streams alone fill the memory, new ones are refused until one is gone")
    func full() async throws {
        let hub = StreamHub(.with { $0.maxBytesInTotal = 500_000 })
        let run = try await Run(in: hub)
        await run.log.write(String(repeating: "word ", count: 10_000), to: .chat, of: .chat)
        let error = await #expect(throws: PlatformError.self) { _ = try await Run(in: hub) }
        #expect(error?.code == .unavailable)
        await run.finish()
        let next = try await Run(in: hub)
        #expect(hub.log(run.log.id, for: someone) == nil)
        await next.finish()
    }

    @Test("All that streams held is given back when they leave", arguments: UInt64(1)...20)
    func accounting(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let time = VirtualTime()
        let hub = StreamHub(.with { $0.maxBytesPerStream = 100_000 }, now: time.now)
        var logs: [StreamLog] = []
        for _ in 0..<6 { logs.append(try await Run.ended(bytes: Int.random(in: 0...40_000, using: &random), in: hub)) }
        let run = try await Run(in: hub)
        await run.log.write(String(repeating: "word ", count: 5_000), to: .chat, of: .chat)
        hub.remove(run.log.id, for: someone)
        hub.remove(logs[2].id, for: someone)
        hub.remove(logs[2].id, for: someone)
        await run.finish()
        #expect(hub.logCount == 5)
        time.pass(.seconds(601))
        #expect(hub.logCount == 0)
        #expect(hub.byteCount == 0, "seed \(seed)")
    }

    @Test("A finished stream is replayed for its retention and no longer")
    func retention() async throws {
        let time = VirtualTime()
        let hub = StreamHub(.with { $0.retention = .seconds(600) }, now: time.now)
        let running = try await Run(in: hub)
        let log = try await Run.ended(bytes: 100, in: hub)
        time.pass(.seconds(600))
        #expect(hub.log(log.id, for: someone) === log)
        time.pass(.milliseconds(1))
        #expect(hub.log(log.id, for: someone) == nil)
        // The time counts from the end: this one has not begun to.
        #expect(hub.log(running.log.id, for: someone) === running.log)
        await running.finish()
        time.pass(.seconds(599))
        #expect(hub.log(running.log.id, for: someone) === running.log)
    }

    @Test("A stream that was removed is found no more; who watches it sees it to its end")
    func removal() async throws {
        let run = try await Run()
        await run.log.write("For those who are here. ", to: .chat, of: .chat)
        async let seen = run.log.transcript()
        try await wait(while: await run.log.viewerCount == 0)
        run.hub.remove(run.log.id, for: someone)
        #expect(run.hub.log(run.log.id, for: someone) == nil)
        await run.log.write("To the end.", to: .chat, of: .chat)
        await run.finish()
        #expect(try await seen.texts == [.chat: "For those who are here. To the end."])
        #expect(run.hub.logCount == 0)
        #expect(run.hub.byteCount == 0)
    }

    @Test("A hub that is closed starts nothing more, and is idle when the last run has ended")
    func closing() async throws {
        let hub = StreamHub(StreamingSettings())
        await hub.idle()
        let runs = [try await Run(in: hub), try await Run(in: hub)]
        hub.close()
        let error = await #expect(throws: PlatformError.self) { _ = try await Run(in: hub) }
        #expect(error?.code == .shuttingDown)
        let idle = Task { await hub.idle() }
        await runs[0].finish()
        #expect(hub.runningCount == 1)
        await hub.stopAll(.shutdown)
        await idle.value
        #expect(hub.runningCount == 0)
        #expect(await runs[1].log.stopReason == .shutdown)
    }
}
