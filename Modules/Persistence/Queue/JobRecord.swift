public import Core

/// Where a job stands.
public enum JobState: String, Sendable, Hashable, CaseIterable {
    /// Waiting, due or delayed.
    case ready
    /// A worker has it.
    case leased
    /// A dead letter: nobody works on it until it is replayed.
    case dead
}

/// One failure of a job.
public struct JobFailure: Sendable, Hashable {
    public var at: Timestamp
    public var reason: FailureReason

    public init(at: Timestamp, reason: FailureReason) {
        self.at = at
        self.reason = reason
    }
}

/// What an operator sees of a job: all but its payload.
public struct JobRecord: Sendable, Hashable {
    public var id: JobID
    public var kind: JobKind
    public var state: JobState
    public var uniqueKey: String
    public var group: String?
    public var priority: JobPriority
    public var attempt: Int
    public var deliveries: Int
    /// Bytes of the payload as it is stored, sealed.
    public var payloadBytes: Int
    public var createdAt: Timestamp
    /// When a delayed job is due; `nil` for one that is due, leased or dead.
    public var dueAt: Timestamp?
    /// Who has it, while it is leased.
    public var worker: WorkerID?
    /// When it became a dead letter.
    public var diedAt: Timestamp?
    /// The failures of its own, the oldest first; of a dead letter, the last one says why it is dead.
    public var failures: [JobFailure]

    public init(
        id: JobID, kind: JobKind, state: JobState, uniqueKey: String, group: String? = nil,
        priority: JobPriority = .normal, attempt: Int = 0, deliveries: Int = 0, payloadBytes: Int = 0,
        createdAt: Timestamp, dueAt: Timestamp? = nil, worker: WorkerID? = nil, diedAt: Timestamp? = nil,
        failures: [JobFailure] = []
    ) {
        self.id = id
        self.kind = kind
        self.state = state
        self.uniqueKey = uniqueKey
        self.group = group
        self.priority = priority
        self.attempt = attempt
        self.deliveries = deliveries
        self.payloadBytes = payloadBytes
        self.createdAt = createdAt
        self.dueAt = dueAt
        self.worker = worker
        self.diedAt = diedAt
        self.failures = failures
    }
}

/// How many jobs of one kind there are, and how long they have been there.
public struct KindStatistics: Sendable, Hashable {
    public var kind: JobKind
    /// Due now.
    public var due: Int
    /// Waiting for their time.
    public var delayed: Int
    public var leased: Int
    public var dead: Int
    /// When the oldest job that is due, delayed or leased was enqueued.
    public var oldest: Timestamp?
    /// When the oldest lease was taken.
    public var oldestLease: Timestamp?

    public init(
        _ kind: JobKind, due: Int = 0, delayed: Int = 0, leased: Int = 0, dead: Int = 0, oldest: Timestamp? = nil,
        oldestLease: Timestamp? = nil
    ) {
        self.kind = kind
        self.due = due
        self.delayed = delayed
        self.leased = leased
        self.dead = dead
        self.oldest = oldest
        self.oldestLease = oldestLease
    }
}

/// One act of an operator on a queue that cannot be undone, or that showed what a job holds.
public struct QueueAuditEntry: Sendable, Hashable {
    public enum Action: String, Sendable, Hashable, CaseIterable {
        /// A dead letter was deleted.
        case drop
        /// A payload was shown.
        case reveal
    }

    public var at: Timestamp
    /// Who did it, as the system names them.
    public var actor: String
    public var action: Action
    public var job: JobID
    public var kind: JobKind

    public init(at: Timestamp, actor: String, action: Action, job: JobID, kind: JobKind) {
        self.at = at
        self.actor = actor
        self.action = action
        self.job = job
        self.kind = kind
    }
}
