import Core
import Reactor
import Streaming
import Synchronization
import TestSupport
import Testing

/// What a token costs, and what is left of a stream when it has gone.
@Suite("What streams cost", .serialized, .timeLimit(.minutes(1)))
struct CostTests {
    /// What happened while 1,000 chunks went from a run to its viewers.
    private struct Cost {
        var remoteJobs: Int
        var turns: Int
        var chunksSeen: Int
    }

    /// Writes in `turns` turns of the log's loop, `chunks` in each.
    private func cost(turns: Int, chunks: Int, viewersAt home: LoopActor, _ viewerLoops: [LoopActor]) async throws
        -> Cost
    {
        let loops =
            Set((viewerLoops + [home]).map { ObjectIdentifier($0.loop) }).count == 1
            ? [home.loop] : [home.loop] + viewerLoops.map(\.loop)
        let remote = { @Sendable in loops.map(\.statistics.remoteJobs).reduce(0, +) }
        let measured = Mutex((before: 0, after: 0, turns: 0))
        let ready = Tally()
        let hub = StreamHub(StreamingSettings())
        let log = try await hub.start(StreamID(), owner: someone, on: home.loop) { log in
            while log.viewerCount < viewerLoops.count { try? await log.loop.sleep(for: .zero) }
            await ready.reaches(1)
            // Back on the loop's own time: the wait above ended from outside.
            try? await log.loop.sleep(for: .milliseconds(1))
            let before = remote()
            let turnsBefore = log.loop.statistics.turns
            for _ in 0..<turns {
                for _ in 0..<chunks { log.append(.chunk("Token ", panel: .chat, stage: .chat)) }
                try? await log.loop.sleep(for: .zero)
            }
            measured.withLock { $0 = (before, remote(), log.loop.statistics.turns - turnsBefore) }
            log.finish(.done(.complete))
        }
        let seen = try await withThrowingTaskGroup(of: Int.self) { group in
            for viewer in viewerLoops {
                // As the server runs its handlers.
                group.addTask(executorPreference: viewer.loop) {
                    try await viewer.run { _ in
                        var count = 0
                        try await log.watch(after: 0) { count = $0.last }
                        return count
                    }
                }
            }
            ready.add()
            return try await group.reduce(.max) { min($0, $1) }
        }
        return measured.withLock { Cost(remoteJobs: $0.after - $0.before, turns: $0.turns, chunksSeen: seen - 1) }
    }

    @Test("A viewer on the stream's own loop costs no job of another thread")
    func sameLoop() async throws {
        let home = LoopActor()
        let cost = try await cost(turns: 1_000, chunks: 1, viewersAt: home, [home])
        #expect(cost.chunksSeen == 1_000)
        #expect(cost.remoteJobs == 0)
    }

    @Test("A viewer that is called on the stream's own loop costs no job at all")
    func called() async throws {
        let home = LoopActor()
        let run = try await Run(on: home.loop)
        // As the server runs its handlers: what resumes this task resumes it on the loop.
        try await withTaskExecutorPreference(home.loop) {
            try await home.run { try await Self.watch(run.log, on: $0) }
        }
        #expect(await run.log.viewerCount == 0)
        await run.finish()
    }

    private static func watch(_ log: StreamLog, on home: isolated LoopActor) async throws {
        let reader = CalledReader(log)
        try log.attachHere(reader)
        let before = home.loop.statistics
        // Appended by a timer, as tokens are by a socket.
        let feeder = Feeder(1_000, to: log)
        await withCheckedContinuation { feeder.start(then: $0) }
        let after = home.loop.statistics
        // The one job is this task's, which was told of the end.
        #expect(after.localJobs - before.localJobs <= 1)
        #expect(after.remoteJobs == before.remoteJobs)
        #expect(reader.news == 1_000 && reader.reads == 1_000)
        #expect(reader.viewing.texts[.chat] == String(repeating: "Token ", count: 1_000))
        #expect(reader.viewing.last == 1_000)
        log.detachHere(reader)
    }

    @Test("A viewer on another loop costs at most two jobs a turn, however many chunks come in it")
    func otherLoop() async throws {
        let cost = try await cost(turns: 100, chunks: 10, viewersAt: LoopActor(), [LoopActor()])
        #expect(cost.chunksSeen == 1_000)
        #expect((1...2 * cost.turns + 10).contains(cost.remoteJobs))
        #expect(cost.remoteJobs < 1_000)
    }

    @Test("A log and all it held are freed after its retention")
    func freed() async throws {
        let time = VirtualTime()
        let hub = StreamHub(StreamingSettings(), now: time.now)
        let log = try await weakly(Run.ended(bytes: 10_000, in: hub))
        #expect(log() != nil)
        time.pass(.seconds(601))
        hub.sweep()
        #expect(hub.logCount == 0)
        // What waited for the end may still be on its way out of the loop.
        await Run.loops[0].run { _ in }
        #expect(log() == nil)
    }

    private func weakly(_ log: StreamLog) async throws -> @Sendable () -> StreamLog? {
        _ = try await log.transcript()
        return { [weak log] in log }
    }

    @Test("A reader that is cancelled while it waits leaves at once and holds nothing")
    func cancelledWaiters() async throws {
        final class Held: Sendable {}
        let run = try await Run(.with { $0.maxViewersPerStream = 1_000 })
        let (held, tasks) = {
            let held = Held()
            let tasks = (0..<300).map { number in
                Task { [held] in
                    await Run.loops[number % 3].run { _ in
                        if number % 2 == 0 { return await run.log.ended() }
                        try? await run.log.watch(after: 0) { _ in _ = held }
                    }
                }
            }
            return ({ [weak held] in held }, tasks)
        }()
        try await wait(while: await run.log.viewerCount < 150)
        #expect(held() != nil)
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        #expect(await run.log.viewerCount == 0)
        // The cancellation handlers themselves pass through the loop.
        await Run.loops[0].run { try? await $0.loop.sleep(for: .zero) }
        #expect(held() == nil)
        await run.finish()
    }

    @Test("A log that keeps little holds little, however long the run")
    func bounded() async throws {
        let run = try await Run(.with { $0.maxBytesPerStream = 128 << 10 })
        for _ in 0..<50 { await run.log.appendLarge(20) }
        // Two sealed segments, the open one, and the event in which it was noticed.
        #expect(run.hub.byteCount <= (128 << 10) + (64 << 10) + (16 << 10))
        await run.finish()
    }
}

/// Reads at the end of each turn that brought something, as the server's answers do.
private final class CalledReader: LogReader, EndOfTurn {
    private let log: StreamLog
    var viewing = Viewing()
    var news = 0
    var reads = 0

    init(_ log: StreamLog) { self.log = log }

    func logHasNews() {
        news += 1
        log.loop.atEndOfTurn(self)
    }

    func turnEnded() {
        reads += 1
        while case .upTo = log.readHere(after: viewing.last, self) {}
    }

    func take(_ events: Span<UInt8>) { viewing.read(events.indices.map { events[$0] }) }
}

/// Appends a chunk in each turn of the log's loop; loop-confined.
private final class Feeder {
    private let log: StreamLog
    private var left: Int
    private var timer: LoopTimer?

    init(_ count: Int, to log: StreamLog) {
        self.log = log
        left = count
    }

    func start(then done: CheckedContinuation<Void, Never>) {
        let timer = LoopTimer(on: log.loop) { [unowned self] in
            guard left > 0 else {
                self.timer = nil
                return done.resume()
            }
            left -= 1
            log.assumeIsolated { $0.append(.chunk("Token ", panel: .chat, stage: .chat)) }
        }
        timer.start(after: .milliseconds(1), repeating: true)
        self.timer = timer
    }
}
