public import Core

/// Where the events of streams are written down while they are shown, so that a crash loses none that count.
///
/// A log hands over its events as they stand on the wire. Entries and orders to forget take effect in the order of the
/// calls. All may be called from any thread, and none of them waits for the disk.
public protocol StreamJournal: Sendable {
    /// Writes down entries, all or none of them.
    ///
    /// `done`: called once, on any thread, when they are on disk, or with `false` when they could not be written; they
    /// are handed over again then.
    func write(_ entries: [JournalEntry], _ done: @escaping @Sendable (Bool) -> Void)

    /// Lets go of all that was written of a stream; nothing more of it comes.
    func forget(_ stream: StreamID)

    /// What the journal has done so far.
    var statistics: JournalStatistics { get }
}

/// Consecutive events of one stream, encoded for the wire.
public struct JournalEntry: Sendable {
    public var stream: StreamID
    public var owner: UserID
    /// What the stream is part of; `nil` for one that is part of no conversation.
    public var subject: StreamSubject?
    /// When the stream began.
    public var begunAt: Timestamp
    /// Offset of the first event.
    ///
    /// One that does not follow the entry before is a `resync` or follows one: the events between were never shown to
    /// anybody who was not told so.
    public var first: Int
    /// Offset of the last event.
    public var last: Int
    /// Server-sent events, whole.
    public var events: [UInt8]
    /// How the stream ended, when its last event is among these.
    public var outcome: Outcome?

    public init(
        stream: StreamID, owner: UserID, subject: StreamSubject?, begunAt: Timestamp, first: Int, last: Int,
        events: [UInt8], outcome: Outcome? = nil
    ) {
        self.stream = stream
        self.owner = owner
        self.subject = subject
        self.begunAt = begunAt
        self.first = first
        self.last = last
        self.events = events
        self.outcome = outcome
    }
}

/// What a stream is part of.
public struct StreamSubject: Sendable, Hashable {
    public var conversation: ConversationID
    /// The answer that the stream's events tell.
    public var message: MessageID
    /// What names the request that began it; `nil` for one without an idempotency key.
    public var request: String?

    public init(conversation: ConversationID, message: MessageID, request: String? = nil) {
        self.conversation = conversation
        self.message = message
        self.request = request
    }
}

/// What a journal has done since it was opened.
public struct JournalStatistics: Sendable, Hashable {
    /// Entries on disk.
    public var entries = 0
    /// Bytes of events on disk.
    public var bytes = 0
    /// Commits, each one wait for the disk.
    public var commits = 0
    /// Writes that the disk refused.
    public var failures = 0
    /// Bytes of events handed over that are not on disk yet.
    public var waitingBytes = 0
    /// Streams that would be rebuilt after a crash.
    public var streams = 0
    /// Bytes of the file.
    public var fileBytes = 0

    public init() {}
}
