public import Persistence

/// How a worker works.
public struct WorkerSettings: Sendable, Hashable {
    /// How long jobs are held without a sign of life; one is given three times in it.
    public var lease = Duration.seconds(30)
    /// How long an idle worker waits before it looks again.
    public var poll = Duration.milliseconds(500)
    /// How often it looks for what dead workers held.
    public var reclaim = Duration.seconds(1)
    /// How long running jobs are given when the worker is to stop.
    public var drain = Duration.seconds(10)
    public var breaker = Breaker.Rules()
    public var retry = RetryRules()
    /// Jobs of a kind at once; those of kinds that are not named are worked on one at a time.
    public var concurrency: [JobKind: Int] = [.saveTurn: 256, .describeConversation: 4]
    /// The jobs that come again and again.
    public var schedule: [PeriodicJob] = []

    public init() {}

    /// How many batches of a kind are in hand at the same time: two where many jobs are worked on at once, so that one is
    /// being written while the other is being taken or settled.
    func lanes(of kind: JobKind) -> Int { concurrency[kind] ?? 1 >= 16 ? 2 : 1 }

    /// Jobs of one batch that are worked on at once.
    func concurrency(of kind: JobKind) -> Int { max(1, (concurrency[kind] ?? 1) / lanes(of: kind)) }

    /// Jobs of one kind that are taken at once, when the breaker lets so many through.
    ///
    /// Those of a kind that is worked on one at a time may take long, and what waits behind one is better left to others.
    func batch(of kind: JobKind) -> Int {
        let concurrency = concurrency(of: kind)
        return concurrency == 1 ? 1 : min(breaker.largestBatch, concurrency * 4)
    }
}

/// A job that is done every so often, once for all workers together.
public struct PeriodicJob: Sendable, Hashable {
    public var kind: JobKind
    public var interval: Duration

    public init(_ kind: JobKind, every interval: Duration) {
        self.kind = kind
        self.interval = interval
    }

    /// Names the interval too, so that a changed one does not wait for the end of the old.
    private var key: String { "\(kind):every:\(interval.components.seconds)s" }

    /// The first one: soon, but not in the rush of a start.
    public var first: NewJob { NewJob(kind: kind, uniqueKey: key, priority: .low, delay: min(interval, .seconds(60))) }

    /// The one after a finished one.
    public var next: NewJob { NewJob(kind: kind, uniqueKey: key, priority: .low, delay: interval) }

    func isAsked(by job: LeasedJob) -> Bool { job.uniqueKey == key }
}
