import Core
import Reactor
import Streaming
import Synchronization
import TestSupport

/// A run that does nothing by itself: the test writes into its log, and says when it ends.
struct Run {
    let hub: StreamHub
    let log: StreamLog
    private let end: AsyncStream<Void>.Continuation

    /// The loops that tests share, since a loop is never given back.
    static let loops = [LoopActor(), LoopActor(), LoopActor()]

    /// Starts at once; `ending` is what the run does when it is told to end or is stopped.
    init(
        _ settings: StreamingSettings = StreamingSettings(), in hub: StreamHub? = nil, owner: UserID = someone,
        on loop: EventLoop = Run.loops[0].loop,
        ending: @escaping @Sendable (isolated StreamLog) async -> Void = { $0.finish(.done(.complete)) }
    ) async throws {
        let (signal, end) = AsyncStream.makeStream(of: Void.self)
        self.end = end
        self.hub = hub ?? StreamHub(settings)
        log = try await self.hub.start(StreamID(), owner: owner, on: loop) { log in
            for await _ in signal {}
            await ending(log)
        }
    }

    /// Ends the run and waits for the end of its log.
    func finish() async {
        end.finish()
        await log.ended()
    }

    /// A log of that many bytes of text, which has ended.
    static func ended(bytes: Int, in hub: StreamHub) async throws -> StreamLog {
        let run = try await Run(in: hub)
        await run.log.write(String(repeating: "word ", count: bytes / 5), to: .chat, of: .chat)
        await run.finish()
        return run.log
    }
}

let someone = UserID()

/// A time that passes when a test says so.
final class VirtualTime: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var now: @Sendable () -> ContinuousClock.Instant { { self.instant.withLock { $0 } } }

    func pass(_ duration: Duration) { instant.withLock { $0 += duration } }
}

extension StreamLog {
    /// Everything after an offset, to the end of the log.
    nonisolated func transcript(after offset: Int = 0) async throws -> Viewing {
        try await Run.loops[1].run { _ in
            var transcript = Viewing(after: offset)
            try await self.watch(after: offset) { transcript.read($0.bytes) }
            return transcript
        }
    }

    /// Appends an event of about 8 KiB, so that a few of them fill a segment.
    func appendLarge(_ count: Int = 1) {
        for _ in 0..<count {
            append(StreamEvent(.progress, content: String(repeating: "x", count: 8 << 10), metadata: ["percent": 1]))
        }
    }
}

extension StreamingSettings {
    /// The defaults, changed.
    static func with(_ change: (inout StreamingSettings) -> Void) -> StreamingSettings {
        var settings = StreamingSettings()
        change(&settings)
        return settings
    }
}
