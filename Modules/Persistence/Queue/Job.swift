public import Core

/// One job in a queue.
public struct JobID: Identifier {
    public let text: String

    /// - Returns: `nil` unless `text` is a UUID in lower case.
    public init?(_ text: String) {
        guard UUIDv7.isValid(text) else { return nil }
        self.text = text
    }

    public init() { text = UUIDv7.make() }
}

/// Which of the due jobs of one kind is worked on first.
public enum JobPriority: Int, Sendable, Hashable, CaseIterable, Comparable {
    case high = 0
    case normal = 1
    /// Only when nothing else of its kind is due.
    case low = 2

    public static func < (one: JobPriority, other: JobPriority) -> Bool { one.rawValue < other.rawValue }
}

/// A job that is to be put into a queue.
public struct NewJob: Sendable, Hashable {
    public let id: JobID
    public let kind: JobKind
    /// While a job with this key waits or is worked on, another one with it is not added; the id, when none was given.
    ///
    /// Stored as it is: made of ids and names of ours, never of what anyone said.
    public let uniqueKey: String
    /// Whom the job is about, so that their jobs can be found and go with them: the id of a user.
    public let group: String?
    /// ``JobPriority/normal`` within a group whose order is kept.
    public let priority: JobPriority
    /// How long it waits before it is due; none for at once, and none within a group whose order is kept.
    public let delay: Duration
    /// What its handler needs; the queue stores it sealed.
    public let payload: [UInt8]

    /// Makes a job whose unique key, by default, is its id, which no other job has.
    public init(
        id: JobID = JobID(), kind: JobKind, uniqueKey: String? = nil, group: String? = nil,
        priority: JobPriority = .normal, delay: Duration = .zero, payload: [UInt8] = []
    ) {
        self.id = id
        self.kind = kind
        self.uniqueKey = uniqueKey ?? id.text
        self.group = group
        let isInOrder = group != nil && kind.keepsOrder
        self.priority = isInOrder ? .normal : priority
        self.delay = isInOrder ? .zero : max(.zero, delay)
        self.payload = payload
    }
}
