public import Core

/// A patient's case as one user works on it: what is known, and what the stages of the workflow made of it.
public struct Case: Sendable, Hashable {
    public let id: CaseID
    /// The one user for whom this row exists.
    public let owner: UserID
    /// At most ``titleLimit`` characters; may be empty.
    public private(set) var title: String
    /// What the clinician wrote down; patient text.
    public var notes: String
    public var status: Status
    /// Rises with each update; of two the higher stands, whatever order they arrive in.
    ///
    /// A new row is 1.
    public var version: Int
    public let createdAt: Timestamp
    /// When it was last made or updated, as ``Conversation/updatedAt`` is kept.
    public var updatedAt: Timestamp

    /// A title in characters as people count them; a longer one is cut at the end.
    public static let titleLimit = 200

    /// How far a case is; open, as a workflow may know others.
    public struct Status: RawRepresentable, Sendable, Hashable {
        /// As it stands in the row.
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        /// Being written down; no stage has run.
        public static let open = Status(rawValue: "open")
        /// Stages are running.
        public static let running = Status(rawValue: "running")
        /// Every stage has its result.
        public static let complete = Status(rawValue: "complete")
        /// Put away by its owner.
        public static let closed = Status(rawValue: "closed")
    }

    public init(
        id: CaseID = CaseID(), owner: UserID, title: String = "", notes: String = "", status: Status = .open,
        version: Int = 1, createdAt: Timestamp
    ) {
        self.id = id
        self.owner = owner
        self.title = title.fitting(Self.titleLimit)
        self.notes = notes
        self.status = status
        self.version = version
        self.createdAt = createdAt
        updatedAt = createdAt
    }

    /// Gives another title, cut at ``titleLimit``.
    public mutating func rename(_ title: String) { self.title = title.fitting(Self.titleLimit) }
}

/// What one run of a stage made of a case, whole or as far as it has come.
///
/// A stage that is run again has another row, and the later one counts. Named by case, stage and stream together, since
/// one run may go through several stages.
public struct StageResult: Sendable, Hashable {
    public let `case`: CaseID
    public let stage: Stage
    /// The run that writes it.
    public let stream: StreamID
    /// The one user for whom this row exists.
    public let owner: UserID
    /// What the chat panel shows: the summary.
    public var text: String
    /// What the reasoning panel shows: the details.
    public var reasoning: String
    /// How it ended; `nil` while it goes on.
    public var outcome: Outcome?
    /// UTF-8 bytes of ``text``, as its last event told them; `nil` until then.
    public var length: Int?
    /// The hash of ``text`` as its last event told it, 64 hexadecimal digits in lower case; sealed, as it is one of
    /// patient text.
    public var sha256: String?
    /// The configured name of the provider that answered, once one did.
    public var provider: String?
    public var model: String?
    public var usage: Usage?
    /// What it cost, at the prices of its time; `nil` where no price was known.
    public var cost: Cost?
    /// Rises with each save, up to ``Message/finalVersion``; of two the higher stands.
    public var version: Int
    public let createdAt: Timestamp

    public init(
        case: CaseID, stage: Stage, stream: StreamID = StreamID(), owner: UserID, text: String = "",
        reasoning: String = "", outcome: Outcome? = nil, length: Int? = nil, sha256: String? = nil,
        provider: String? = nil, model: String? = nil, usage: Usage? = nil, cost: Cost? = nil, version: Int = 1,
        createdAt: Timestamp
    ) {
        self.case = `case`
        self.stage = stage
        self.stream = stream
        self.owner = owner
        self.text = text
        self.reasoning = reasoning
        self.outcome = outcome
        self.length = length
        self.sha256 = sha256
        self.provider = provider
        self.model = model
        self.usage = usage
        self.cost = cost
        self.version = version
        self.createdAt = createdAt
    }
}
