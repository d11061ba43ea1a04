public import Core

/// One worker process, for as long as it runs: never used again, unlike the name of a host or a process id.
public struct WorkerID: Identifier {
    public let text: String

    /// - Returns: `nil` unless `text` is a UUID in lower case.
    public init?(_ text: String) {
        guard UUIDv7.isValid(text) else { return nil }
        self.text = text
    }

    public init() { text = UUIDv7.make() }
}

/// The right to settle the jobs of one lease; random and new for each, so that a worker that slept past the end of its
/// lease cannot settle what another one took over.
public struct LeaseToken: Identifier {
    public let text: String

    /// - Returns: `nil` unless `text` is 32 hexadecimal digits in lower case.
    public init?(_ text: String) {
        guard text.utf8.count == 32,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.text = text
    }

    /// 128 random bits.
    public init() {
        var random = SystemRandomNumberGenerator()
        text = [random.next() as UInt64, random.next()].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }
}

/// A wish for jobs to work on.
public struct LeaseRequest: Sendable, Hashable {
    public var kind: JobKind
    /// The most jobs to take; at least 1.
    public var limit: Int
    /// Who takes them; it must have joined the queue and be alive.
    public var worker: WorkerID
    /// How long the lease holds without being extended: 30 s, since a worker that dies is noticed by its lock, and this
    /// is for one that hangs.
    public var duration: Duration

    public init(_ kind: JobKind, limit: Int, worker: WorkerID, duration: Duration = .seconds(30)) {
        self.kind = kind
        self.limit = max(1, limit)
        self.worker = worker
        self.duration = duration
    }
}

/// Jobs that one worker holds, in the order in which they are to be begun.
public struct Lease: Sendable, Hashable {
    public var token: LeaseToken
    public var jobs: [LeasedJob]

    public init(token: LeaseToken, jobs: [LeasedJob]) {
        self.token = token
        self.jobs = jobs
    }
}

/// One job in the hands of a worker.
public struct LeasedJob: Sendable, Hashable {
    public let id: JobID
    public let kind: JobKind
    public let uniqueKey: String
    public let group: String?
    /// What was enqueued; `nil` when no key of the process opens it, or it is damaged.
    public let payload: [UInt8]?
    /// How often this job itself failed; outages are not counted.
    public let attempt: Int
    /// How often it was leased, this time included, since it was last settled: more than 1 when a worker died over it.
    public let deliveries: Int
    /// How long it waited after its last failure; zero before the first.
    public let backoff: Duration
    public let createdAt: Timestamp

    public init(
        id: JobID, kind: JobKind, uniqueKey: String, group: String? = nil, payload: [UInt8]?, attempt: Int = 0,
        deliveries: Int = 1, backoff: Duration = .zero, createdAt: Timestamp
    ) {
        self.id = id
        self.kind = kind
        self.uniqueKey = uniqueKey
        self.group = group
        self.payload = payload
        self.attempt = attempt
        self.deliveries = deliveries
        self.backoff = backoff
        self.createdAt = createdAt
    }
}

/// What became of one leased job.
public struct Settlement: Sendable, Hashable {
    public var job: JobID
    public var token: LeaseToken
    public var verdict: Verdict

    public init(_ job: JobID, _ token: LeaseToken, _ verdict: Verdict) {
        self.job = job
        self.token = token
        self.verdict = verdict
    }

    /// What the queue does with the job.
    public enum Verdict: Sendable, Hashable {
        /// Its effect is stored: the row goes.
        case finish
        /// It failed: one more attempt, due again after a wait, which ``LeasedJob/backoff`` tells the next time.
        case retry(after: Duration, because: FailureReason)
        /// Nothing was found out about it, as when the target is down: due again at once, with one delivery less.
        case giveBack
        /// It goes to the dead letters, with its payload.
        case bury(because: FailureReason)
    }
}

/// Why a job failed, in a name of ours such as `not_found` or `target: conflict (identifier)`.
///
/// Stored as it is and shown to operators, so that nothing anyone said may stand in it. Printable ASCII, cut at 200.
public struct FailureReason: Sendable, Hashable, LosslessStringConvertible, ExpressibleByStringLiteral {
    public let description: String

    /// What cannot be printed, and what is not ASCII, becomes `?`.
    public init(_ text: String) {
        description = String(
            decoding: text.utf8.prefix(200).map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self)
    }

    public init(stringLiteral value: String) { self.init(value) }

    /// Five workers in a row ended, or lost the lease, with it in their hands.
    public static let crashLoop: FailureReason = "crash_loop"
    /// No key opens the payload, or its handler cannot read it.
    public static let unreadable: FailureReason = "payload_unreadable"
}
