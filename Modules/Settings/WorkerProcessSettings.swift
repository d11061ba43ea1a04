import Configuration
public import Jobs
import Persistence

/// What a worker's process is told by the configuration.
public struct WorkerProcessSettings: Sendable {
    /// Where its health and metrics are found.
    public var host = "127.0.0.1"
    /// 0 picks a free one, which several workers on one machine need.
    public var port = 0
    public var work = WorkerSettings()

    init() { work.schedule = Self.schedule(purge: Self.day, reencrypt: Self.day, optimise: Self.day) }

    init(_ section: Section) {
        host = section.string("host", default: host)
        port = section.int("port", in: 0...65_535, default: port)
        work.lease = section.duration("lease", in: .seconds(3)...Self.hour, default: work.lease)
        work.poll = section.duration("poll", in: .milliseconds(10) ... .seconds(60), default: work.poll)
        work.drain = section.duration("drain", in: .zero...Self.hour, default: work.drain)
        work.breaker.largestBatch = section.int("batch", in: 1...10_000, default: work.breaker.largestBatch)
        let concurrency = section.section("concurrency")
        for kind in [JobKind.saveTurn, .describeConversation] {
            work.concurrency[kind] = concurrency.int(kind.rawValue, in: 1...1_000, default: work.concurrency[kind] ?? 1)
        }
        let schedule = section.section("schedule")
        let range = Duration.seconds(60)...Self.day * 366
        work.schedule = Self.schedule(
            purge: schedule.duration("purge", in: range, default: Self.day),
            reencrypt: schedule.duration("reencrypt", in: range, default: Self.day),
            optimise: schedule.duration("optimise", in: range, default: Self.day))
    }

    private static let hour = Duration.seconds(3600)
    private static let day = Duration.seconds(86_400)

    private static func schedule(purge: Duration, reencrypt: Duration, optimise: Duration) -> [PeriodicJob] {
        [
            PeriodicJob(.purge, every: purge), PeriodicJob(.reencrypt, every: reencrypt),
            PeriodicJob(.optimise, every: optimise),
        ]
    }
}

extension RetentionPolicy {
    /// Nothing goes by its age alone unless a time is given.
    init(_ section: Section) {
        let range = Duration.seconds(3600) ... .seconds(100 * 366 * 86_400)
        self.init(
            conversations: section.duration("conversations", in: range), cases: section.duration("cases", in: range))
    }
}
