public import Core
import Hashing
public import Reactor
import Synchronization

/// The record of one run: events in order, for any number of readers at any place.
///
/// The log is an actor on the loop where its run was started, and so is the run: appending takes no lock and no hop. A
/// reader holds nothing but an offset; one on the same loop reads without a hop too, one on another loop gets all that
/// came in a turn at once. Each event is encoded once, when it is appended.
///
/// Exactly one `stream_done` ends a log, whatever happens to the run.
public actor StreamLog {
    // First what each chunk needs: of thousands of logs one that goes on is in no cache, and lies together in memory.

    /// How the run ended; `nil` while it goes on.
    public internal(set) var outcome: Outcome?
    /// Whether nothing is shown that is not on disk.
    var isGated = false
    /// Whether the disk failed an answer of which nothing may be shown before: no more text is taken.
    var isCut = false
    /// Whether the feed need not be told of the next event.
    var isListed = true
    private var writing: (panel: Panel, stage: Stage)?
    var texts = PanelTexts()
    var events: EventRing
    private var countAt = 4096
    private let chunkPrefix: ChunkPrefix
    /// Viewers on this loop, which are called.
    var readers: [any LogReader] = []
    var waiters: [(ticket: Int, waiter: CheckedContinuation<Void, Never>)] = []
    /// Where news is told of, when the log is journaled.
    var feed: JournalFeed?
    let hub: StreamHub
    public nonisolated let loop: EventLoop
    /// Cuts the text of the panel that is being written.
    private var chunker: Chunker
    private var waitingSince: UInt64 = 0
    private var flushTimer: LoopTimer?

    public nonisolated let id: StreamID
    /// Only this user may read, stop or see the stream.
    public nonisolated let owner: UserID
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    var settings: StreamingSettings { hub.settings }
    /// When the log was opened, by the machine's clock.
    public nonisolated let begunAt: Timestamp
    /// What a log that was read from a journal holds, which changes no more; 0 for any other.
    nonisolated let restoredBytes: Int

    private(set) var countedBytes = 0
    var run: Task<Void, Never>?
    /// Whether the run was started, before which nobody knows whether there will be one.
    public internal(set) var hasRun = false
    /// Whether a run is counted for it.
    var hasRoom = false
    var viewers = 0
    /// Callers that wait for the end or the beginning alone; they watch, too, as far as detaching goes.
    var waitingCallers = 0
    var detachTimer: LoopTimer?
    var lastTicket = 0

    /// What the stream is part of; `nil` for one that is part of no conversation, and before the run.
    public internal(set) var subject: StreamSubject?
    /// Offset up to which all was handed to the journal.
    var collected = 0
    /// Offset up to which all is on disk.
    var written = 0
    /// Whether the text is on its way to the store, which it is then not to be cut behind.
    public var isRecording = false
    /// Whether the store has what was said.
    private(set) var isRecorded = false

    /// Why the run was told to end early.
    public internal(set) var stopReason: StopReason?
    /// What the last `error` said, for callers that want the answer at once.
    public private(set) var failure: PlatformError?

    init(_ id: StreamID, owner: UserID, on loop: EventLoop, hub: StreamHub) {
        self.id = id
        self.owner = owner
        self.loop = loop
        self.hub = hub
        events = EventRing(hub.settings)
        begunAt = .now
        restoredBytes = 0
        chunkPrefix = ChunkPrefix(id)
        chunker = Chunker(minimum: hub.settings.minChunkCharacters, maximum: hub.settings.maxChunkCharacters)
    }

    /// A log of a run that ended before the process began, as its journal tells.
    init(_ journaled: JournaledStream, on loop: EventLoop, hub: StreamHub) {
        id = journaled.id
        owner = journaled.owner
        begunAt = journaled.begunAt
        self.loop = loop
        self.hub = hub
        chunkPrefix = ChunkPrefix(journaled.id)
        chunker = Chunker(minimum: hub.settings.minChunkCharacters, maximum: hub.settings.maxChunkCharacters)
        subject = journaled.subject
        events = journaled.events
        texts = journaled.texts
        outcome = journaled.outcome ?? .failed
        failure = journaled.failure
        restoredBytes = events.byteCount + texts.byteCount
        countedBytes = restoredBytes
    }

    // MARK: Writing

    /// Appends text to a panel, cut into chunks; the path of a token.
    ///
    /// What the chunker holds back for the end of its word goes out after `max_wait` at the latest. Turning to another
    /// panel ends the words of the one before. A text that grows past `maxTextBytes` stops the run, and is not taken any
    /// further.
    public func write(_ text: String, to panel: Panel, of stage: Stage) {
        guard outcome == nil, !isFull else { return }
        if writing == nil || writing?.panel != panel || writing?.stage != stage {
            flush()
            writing = (panel, stage)
        }
        let wasWaiting = chunker.isWaiting
        let events = lastOffset
        chunker.push(text) { append(chunk: $0, panel: panel, stage: stage) }
        guard chunker.isWaiting else { return }
        if !wasWaiting || lastOffset > events { waitingSince = loop.now }
        if flushTimer?.isRunning != true { startFlushTimer(after: settings.maxChunkWait) }
    }

    /// Appends what the chunker holds back.
    public func flush() {
        guard outcome == nil, let writing, chunker.isWaiting else { return }
        chunker.flush { append(chunk: $0, panel: writing.panel, stage: writing.stage) }
    }

    /// Forgets what the chunker holds back, which nobody has seen.
    public func dropWaiting() { chunker.flush { _ in } }

    private func startFlushTimer(after delay: Duration) {
        let timer = flushTimer ?? LoopTimer(on: loop) { [unowned self] in assumeIsolated { $0.flushIfDue() } }
        timer.start(after: delay)
        flushTimer = timer
    }

    private func flushIfDue() {
        guard chunker.isWaiting else { return }
        let waited = Duration.milliseconds(Int64(loop.now - waitingSince))
        if waited >= settings.maxChunkWait { flush() } else { startFlushTimer(after: settings.maxChunkWait - waited) }
    }

    /// Ends a panel of a stage: appends its `stage_complete`, with the length and hash of its text.
    public func complete(_ panel: Panel, of stage: Stage) {
        guard outcome == nil else { return }
        flush()
        let place = texts.place(of: panel, stage)
        let record = texts.records[place]
        append(
            .stageComplete(
                panel: panel, stage: stage, chunks: record.chunks, length: record.text.utf8.count,
                sha256: SHA256.hex(of: record.text)))
    }

    /// Appends an event, after what the chunker held back; a log that has ended takes none.
    public func append(_ event: StreamEvent) {
        guard outcome == nil else { return }
        flush()
        beginEvent()
        events.open.text.raw("\ndata: ")
        event.encode(into: &events.open.text)
        endEvent()
        if event.type == .saved { isRecorded = true }
    }

    /// Appends an `error`; what was streamed so far stays.
    public func append(_ error: PlatformError, stage: Stage? = nil) {
        guard outcome == nil else { return }
        failure = error
        append(.error(error, stage: stage))
    }

    /// Withdraws a panel's text: appends a `retract` over all of it, and forgets it.
    ///
    /// What the chunker holds back is dropped. A panel that shows nothing gets no event.
    public func retract(_ sentence: String, _ panel: Panel, of stage: Stage) {
        guard outcome == nil else { return }
        if let writing, writing.panel == panel, writing.stage == stage { chunker.flush { _ in } }
        let text = texts.text(panel, stage)
        guard !text.isEmpty else { return }
        append(.retract(sentence, span: 0..<text.count, panel: panel, stage: stage))
        texts.withdraw(panel, stage, at: lastOffset, isShownLater: isGated)
    }

    /// Whether the text has passed its bound, or cannot be written down; then no more of it is taken.
    private var isFull: Bool { texts.byteCount > settings.maxTextBytes || isCut }

    private func append(chunk: String, panel: Panel, stage: Stage) {
        guard !isFull else { return }
        let index = texts.append(chunk, to: texts.place(of: panel, stage))
        beginEvent()
        chunkPrefix.append(panel, stage, to: &events.open.text)
        events.open.text.escaped(chunk)
        events.open.text.raw(#"","metadata":{"chunk_index":"#)
        events.open.text.value(index)
        events.open.text.raw("}}")
        endEvent()
        if isFull { stop(.length) }
    }

    /// Appends the last event and closes the log.
    public func finish(_ done: StreamEvent) {
        guard outcome == nil else { return }
        end(with: done)
        hub.finished(self, bytes: countedBytes, hadRoom: hasRoom)
    }

    /// Appends the last event.
    func end(with done: StreamEvent) {
        append(done)
        outcome = done.outcome ?? .failed
        run = nil
        detachTimer = nil
        flushTimer = nil
        count()
        tellOfNews()
    }

    /// The text of a panel so far.
    public func text(_ panel: Panel, _ stage: Stage) -> String { texts.text(panel, stage) }

    /// Offset of the newest event; 0 while there is none.
    public var lastOffset: Int { events.last }

    private func beginEvent() {
        if events.makeRoom() {
            countAt = 4096
            count()
        }
        events.open.text.raw(chunkPrefix.id)
        events.open.text.value(events.last + 1)
    }

    private func endEvent() {
        if events.endEvent() >= countAt {
            countAt *= 2
            count()
        }
        tellOfNews()
    }

    private func tellOfNews() {
        if !isListed { feed?.hasNews(self) }
        if !isGated { tellAll() }
    }

    /// Tells the hub what the log holds, each time it has doubled, so that the token path shares nothing between loops.
    func count() {
        let bytes = events.byteCount + texts.byteCount
        hub.addBytes(bytes - countedBytes)
        countedBytes = bytes
    }
}
