/// One thing that happened in a stream, as every viewer sees it: over SSE, WebSocket, the terminal and in the journal.
///
/// One JSON object per event, for example
/// `{"type":"content_chunk","panel":"reasoning","stage":"initial","content":"Chest pain ","metadata":{"chunk_index":7}}`.
/// What a newer server adds is kept: types and fields this version does not know come back out as they went in.
public struct StreamEvent: Sendable, Hashable {
    public var type: Kind
    /// Always there on `content_chunk` and `stage_complete`.
    public var panel: Panel?
    /// Always there on `content_chunk` and `stage_complete`.
    public var stage: Stage?
    /// The text of a `content_chunk`; on other types a sentence for people, or nothing.
    public var content: String
    /// What programs read; the names in use have accessors, such as ``chunkIndex`` and ``outcome``.
    public var metadata: [String: JSONValue]
    /// Top-level fields that this version does not know.
    ///
    /// One that bears the name of a field above is written only where that field is absent.
    public var extra: [String: JSONValue]

    public init(
        _ type: Kind, panel: Panel? = nil, stage: Stage? = nil, content: String = "",
        metadata: [String: JSONValue] = [:], extra: [String: JSONValue] = [:]
    ) {
        self.type = type
        self.panel = panel
        self.stage = stage
        self.content = content
        self.metadata = metadata
        self.extra = extra
    }

    /// What an event says; clients ignore the kinds they do not know.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        /// As it stands in the event's `type`.
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        /// The first event of a run: which conversation or case, message and stream it is.
        public static let streamStart = Kind(rawValue: "stream_start")
        /// The next piece of a panel's text.
        public static let contentChunk = Kind(rawValue: "content_chunk")
        /// A panel of a stage has all its text.
        public static let stageComplete = Kind(rawValue: "stage_complete")
        /// How far the run has come, in percent that never falls.
        public static let progress = Kind(rawValue: "progress")
        /// A safety rule has something to say.
        public static let safety = Kind(rawValue: "safety")
        /// Another provider goes on from here.
        public static let splice = Kind(rawValue: "splice")
        /// Text shown before is withdrawn.
        public static let retract = Kind(rawValue: "retract")
        /// The turn is recorded, or waits in the durable queue (``StreamEvent/isPending``).
        public static let saved = Kind(rawValue: "saved")
        /// The whole text so far, for a reader that the log no longer reaches.
        public static let resync = Kind(rawValue: "resync")
        /// The server is full or going down; come back later.
        public static let busy = Kind(rawValue: "busy")
        /// Something went wrong; what was streamed so far stays.
        public static let error = Kind(rawValue: "error")
        /// The last event of every run.
        public static let streamDone = Kind(rawValue: "stream_done")

        /// Every kind this version knows.
        public static let known: Set<Kind> = [
            .streamStart, .contentChunk, .stageComplete, .progress, .safety, .splice, .retract, .saved, .resync, .busy,
            .error, .streamDone,
        ]

        public var isKnown: Bool { Self.known.contains(self) }
    }
}

extension StreamEvent {
    /// The place of a chunk among those of its panel and stage, from 0.
    public var chunkIndex: Int? { metadata["chunk_index"]?.int }
    /// How many chunks a panel will have had, when that is known.
    public var totalExpected: Int? { metadata["total_expected"]?.int }
    /// Which ``PlatformError/Code`` an `error` carries; open, as other versions know other codes.
    public var errorCode: String? { metadata["error_code"]?.string }
    /// Whether trying again can help.
    public var retryAvailable: Bool? { metadata["retry_available"]?.bool }
    /// How the run ended; on every `stream_done`.
    public var outcome: Outcome? { metadata["outcome"]?.string.flatMap(Outcome.init(rawValue:)) }
    /// UTF-8 bytes of the text that a `stage_complete` or `saved` closes.
    public var length: Int? { metadata["length"]?.int }
    /// The hash of that text's UTF-8, 64 hexadecimal digits in lower case.
    public var sha256: String? { metadata["sha256"]?.string }
    public var provider: String? { metadata["provider"]?.string }
    public var model: String? { metadata["model"]?.string }
    /// 0 to 100.
    public var percent: Double? { metadata["percent"]?.number }
    /// Whether what was said to be saved still waits in the durable queue.
    public var isPending: Bool { metadata["pending"]?.bool ?? false }
    /// Tokens used by the run, as the provider counted them or, where it did not, as we estimate them.
    public var usage: Usage? { metadata["usage"].flatMap(Usage.init(json:)) }
    /// What the run cost; `nil` where no price is known.
    public var cost: Cost? { metadata["cost"].flatMap(Cost.init(json:)) }
}

extension JSONValue {
    /// Either kind of number.
    var number: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}
