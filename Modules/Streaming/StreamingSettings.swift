/// The timings and bounds of streams.
public struct StreamingSettings: Sendable {
    /// Between two signs of life on a silent connection.
    public var heartbeat = Duration.seconds(5)
    /// How long a finished stream can be replayed from memory.
    public var retention = Duration.seconds(600)
    /// Silence of the provider that ends a stream with an error.
    public var idleTimeout = Duration.seconds(30)
    /// What happens to a run that nobody watches any more.
    public var onDetach = DetachPolicy.finish
    /// How long a run goes on unwatched before ``onDetach`` `cancel` ends it.
    public var detachGrace = Duration.seconds(60)
    public var minChunkCharacters = 5
    public var maxChunkCharacters = 10
    /// How long text may wait for the end of its word.
    public var maxChunkWait = Duration.milliseconds(250)
    /// Events kept of one stream for readers that come late.
    public var maxEventsPerStream = 20_000
    /// Bytes of encoded events kept of one stream.
    public var maxBytesPerStream = 2 << 20
    /// Bytes of all streams together; the oldest finished ones leave first.
    public var maxBytesInTotal = 256 << 20
    /// Characters' bytes of one answer, both panels together; past it the answer ends `truncated`.
    public var maxTextBytes = 1 << 20
    public var maxViewersPerStream = 32
    /// Runs at one time; past it new ones are refused.
    public var maxRunningStreams = 10_000

    /// What a viewer is shown of what is not on disk yet; without a journal, everything.
    public var durability = Durability.behind
    /// How often what is new goes to the journal, with ``Durability/behind``.
    public var journalInterval = Duration.milliseconds(250)
    /// How long ``Durability/beforeDelivery`` waits for the disk before an answer is broken off.
    public var journalTimeout = Duration.seconds(10)

    public init() {}

    public enum Durability: String, Sendable, CaseIterable {
        /// Nothing is shown that is not on disk.
        case beforeDelivery = "before_delivery"
        /// Everything is shown at once, and reaches the disk within ``StreamingSettings/journalInterval``.
        case behind
        /// Nothing is written down: a crash loses what is not in the store.
        case off
    }

    public enum DetachPolicy: String, Sendable, CaseIterable {
        /// The run goes on to its end.
        case finish
        /// The run is cancelled after ``StreamingSettings/detachGrace``.
        case cancel
    }
}
