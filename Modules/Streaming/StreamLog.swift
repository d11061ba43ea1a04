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
    public nonisolated let id: StreamID
    /// Only this user may read, stop or see the stream.
    public nonisolated let owner: UserID
    public nonisolated let loop: EventLoop
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let settings: StreamingSettings
    private let hub: StreamHub
    private let chunkPrefix: ChunkPrefix

    /// Full segments, oldest first.
    private var sealed: [EventSegment] = []
    private var sealedBytes = 0
    private var open = EventSegment(first: 1)
    private var countedBytes = 0
    private var countAt = 4096
    private var texts: [PanelRecord] = []
    private var textBytes = 0

    /// Cuts the text of the panel that is being written.
    private var chunker: Chunker
    private var writing: (panel: Panel, stage: Stage)?
    private var waitingSince: UInt64 = 0
    private var flushTimer: LoopTimer?

    private var run: Task<Void, Never>?
    private var hasRun = false
    private var viewers = 0
    /// Callers that wait for the end or the beginning alone; they watch, too, as far as detaching goes.
    private var waitingCallers = 0
    private var detachTimer: LoopTimer?
    private var waiters: [(ticket: Int, waiter: CheckedContinuation<Void, Never>)] = []
    private var lastTicket = 0
    /// Viewers on this loop, which are called.
    private var readers: [any LogReader] = []

    /// Why the run was told to end early.
    public private(set) var stopReason: StopReason?
    /// How the run ended; `nil` while it goes on.
    public private(set) var outcome: Outcome?
    /// What the last `error` said, for callers that want the answer at once.
    public private(set) var failure: PlatformError?

    /// A segment is sealed past this size, which also bounds what a reader is handed at once.
    private static let segmentLimit = 64 * 1024

    /// One panel of one stage.
    private struct PanelRecord {
        var panel: Panel
        var stage: Stage
        var text = ""
        var chunks = 0
    }

    public enum StopReason: String, Sendable {
        /// The user pressed stop.
        case user
        /// Nobody watches any more.
        case detached
        /// The caller's time for the whole answer is up.
        case deadline
        /// The server goes down.
        case shutdown
        /// The answer is longer than `max_text_bytes`.
        case length
    }

    init(_ id: StreamID, owner: UserID, on loop: EventLoop, settings: StreamingSettings, hub: StreamHub) {
        self.id = id
        self.owner = owner
        self.loop = loop
        self.settings = settings
        self.hub = hub
        chunkPrefix = ChunkPrefix(id)
        chunker = Chunker(minimum: settings.minChunkCharacters, maximum: settings.maxChunkCharacters)
    }

    // MARK: The run

    /// Starts the run that fills the log.
    ///
    /// - Parameter body: runs on the log's loop; it is cancelled by ``stop(_:)``. What it leaves unfinished is ended as
    ///   `failed`.
    /// - Throws: `PlatformError` `unavailable` when too many runs are under way or memory is short, `shuttingDown` after
    ///   ``StreamHub/close()`` or when the log was ended before it began.
    public func start(_ body: @escaping @Sendable (isolated StreamLog) async -> Void) throws(PlatformError) {
        precondition(!hasRun, "a log has one run")
        guard outcome == nil else {
            throw PlatformError(.shuttingDown, "The server is restarting. Try again in a moment.")
        }
        try hub.admit()
        hasRun = true
        startDetachTimer()
        // The preference brings continuations back to this loop without a detour over the global executor.
        let run = Task(executorPreference: loop) { await self.perform(body) }
        self.run = run
        // Whoever found the log before its run may have stopped it already.
        if stopReason != nil { run.cancel() }
    }

    /// Ends a log whose run cannot be started: its readers are told why.
    public func fail(_ error: PlatformError) {
        guard outcome == nil else { return }
        append(error)
        finish(.done(.failed))
    }

    private func perform(_ body: @Sendable (isolated StreamLog) async -> Void) async {
        await body(self)
        endUnfinished()
    }

    @inline(never)
    private func endUnfinished() {
        guard outcome == nil else { return }
        append(PlatformError(.internalError, "The answer could not be finished. Try again."))
        finish(.done(.failed))
    }

    /// Ends the run early; the first reason counts.
    ///
    /// What was shown stays.
    public func stop(_ reason: StopReason) {
        guard outcome == nil, stopReason == nil else { return }
        stopReason = reason
        run?.cancel()
    }

    /// Ends the log now, whatever the run still does: for a shutdown that can wait no longer.
    ///
    /// What the run writes from here on is not taken.
    func abandon() {
        guard outcome == nil else { return }
        run?.cancel()
        append(
            PlatformError(.shuttingDown, "The server is restarting. What came so far is kept; try again in a moment."))
        finish(.done(texts.isEmpty ? .failed : .truncated))
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
        let record = texts[record(of: panel, stage)]
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
        open.text.raw("\ndata: ")
        event.encode(into: &open.text)
        endEvent()
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
        guard let place = texts.firstIndex(where: { $0.panel == panel && $0.stage == stage }) else { return }
        let text = texts[place].text
        guard !text.isEmpty else { return }
        append(.retract(sentence, span: 0..<text.count, panel: panel, stage: stage))
        texts[place].text = ""
        textBytes -= text.utf8.count
    }

    /// Whether the text has passed its bound; then no more of it is taken.
    private var isFull: Bool { textBytes > settings.maxTextBytes }

    private func append(chunk: String, panel: Panel, stage: Stage) {
        guard !isFull else { return }
        let place = record(of: panel, stage)
        let index = texts[place].chunks
        texts[place].chunks += 1
        texts[place].text += chunk
        textBytes += chunk.utf8.count
        beginEvent()
        chunkPrefix.append(panel, stage, to: &open.text)
        open.text.escaped(chunk)
        open.text.raw(#"","metadata":{"chunk_index":"#)
        open.text.value(index)
        open.text.raw("}}")
        endEvent()
        if isFull { stop(.length) }
    }

    /// Appends the last event and closes the log.
    public func finish(_ done: StreamEvent) {
        guard outcome == nil else { return }
        append(done)
        outcome = done.outcome ?? .failed
        run = nil
        detachTimer = nil
        flushTimer = nil
        count()
        tellAll()
        hub.finished(self, bytes: countedBytes, hasRun: hasRun)
    }

    /// The text of a panel so far.
    public func text(_ panel: Panel, _ stage: Stage) -> String {
        texts.first { $0.panel == panel && $0.stage == stage }?.text ?? ""
    }

    /// Offset of the newest event; 0 while there is none.
    public var lastOffset: Int { open.last }

    /// Offset of the oldest event that is kept.
    private var firstOffset: Int { sealed.first?.first ?? open.first }

    private func record(of panel: Panel, _ stage: Stage) -> Int {
        // The newest is nearly always the one: panels come one after the other.
        if let last = texts.last, last.panel == panel, last.stage == stage { return texts.count - 1 }
        if let place = texts.firstIndex(where: { $0.panel == panel && $0.stage == stage }) { return place }
        texts.append(PanelRecord(panel: panel, stage: stage))
        return texts.count - 1
    }

    private func beginEvent() {
        if open.text.bytes.count >= Self.segmentLimit { seal() }
        open.text.raw(chunkPrefix.id)
        open.text.value(lastOffset + 1)
    }

    private func endEvent() {
        open.text.raw("\n\n")
        let end = open.text.bytes.count
        open.ends.append(end)
        if end >= countAt {
            countAt *= 2
            count()
        }
        tellAll()
    }

    /// Begins a new segment and lets the oldest go when the log is past its bounds.
    private func seal() {
        sealedBytes += open.text.bytes.count
        sealed.append(open)
        open = EventSegment(first: open.last + 1)
        countAt = 4096
        // The newest stays whatever the bounds: viewers who are up to date may not have been given it yet.
        while sealed.count > 1, let oldest = sealed.first,
            sealedBytes > settings.maxBytesPerStream || lastOffset - oldest.last > settings.maxEventsPerStream
        {
            sealedBytes -= oldest.text.bytes.count
            sealed.removeFirst()
        }
        count()
    }

    /// Tells the hub what the log holds, each time it has doubled, so that the token path shares nothing between loops.
    private func count() {
        let bytes = sealedBytes + open.text.bytes.count + textBytes
        hub.addBytes(bytes - countedBytes)
        countedBytes = bytes
    }

    // MARK: Reading

    /// Some events, encoded.
    public struct Batch: Sendable {
        /// Server-sent events, whole; at most about 64 KiB, except for a `resync` and single larger events.
        public var bytes: [UInt8]
        /// Offset of the last of them.
        public var last: Int
    }

    /// How far a reader got.
    public enum Progress: Sendable {
        /// It was given the events up to this offset, and there are more.
        case upTo(Int)
        /// It was given all events there are, the last of which has this offset; more will come.
        case all(Int)
        /// Nothing has come after its offset.
        case nothingYet
        /// The log has ended, and its offset is the last event's.
        case end
    }

    /// Hands over the events after `offset`, as many as are kept together, without a copy.
    ///
    /// A reader whose place the log no longer reaches, or never had, gets one `resync` with the whole text instead of
    /// the events before the newest; nobody is left with a gap.
    ///
    /// - Parameters:
    ///   - offset: of the last event that the reader has.
    ///   - body: called at most once, with server-sent events, whole, that are valid in the call only.
    /// - Returns: how far the reader is now.
    func read(after offset: Int, _ body: (Span<UInt8>) -> Void) -> Progress {
        let last = lastOffset
        if offset > last || offset < firstOffset - 1 {
            let batch = resync()
            body(batch.bytes.span)
            return .upTo(batch.last)
        }
        guard offset < last else { return outcome == nil ? .nothingYet : .end }
        if offset >= open.first - 1 {
            open.withBytes(after: offset, body)
            return outcome == nil ? .all(last) : .upTo(last)
        }
        guard let segment = sealed.last(where: { $0.first <= offset + 1 }) else { return .end }
        segment.withBytes(after: offset, body)
        return .upTo(segment.last)
    }

    /// Hands over every event after `offset` in order, as it comes, until the log ends, `body` throws, or the task is
    /// cancelled.
    ///
    /// A reader whose place the log no longer reaches, or never had, gets one `resync` with the whole text instead of
    /// the events before the newest; nobody is left with a gap.
    /// - Throws: `PlatformError` `rateLimited` when too many watch already, and what `body` throws.
    public func watch(
        after offset: Int, isolation: isolated (any Actor)? = #isolation, _ body: (Batch) async throws -> Void
    ) async throws {
        let ticket = try await attach()
        do {
            // One handler for all the waits: cancelling ends the one there is, and no other begins.
            try await withTaskCancellationHandler {
                // Without the capture the closure belongs to no actor, and runs off the loop.
                _ = isolation
                var offset = offset
                while let batch = await next(after: offset, ticket) {
                    try await body(batch)
                    offset = batch.last
                }
            } onCancel: {
                wakeFromAnywhere(ticket)
            }
        } catch {
            await detach()
            throw error
        }
        await detach()
    }

    /// The events after `offset`, as many as fit a batch; waits for the first of them.
    ///
    /// - Returns: `nil` when the log has ended and `offset` is its last event, or when the task is cancelled.
    public func next(after offset: Int, isolation: isolated (any Actor)? = #isolation) async -> Batch? {
        let ticket = await makeTicket()
        return await withTaskCancellationHandler {
            _ = isolation
            return await next(after: offset, ticket)
        } onCancel: {
            wakeFromAnywhere(ticket)
        }
    }

    private func next(after offset: Int, _ ticket: Int) async -> Batch? {
        while !Task.isCancelled {
            var bytes: [UInt8] = []
            switch read(after: offset, { bytes.append(copying: $0) }) {
            case .upTo(let last), .all(let last): return Batch(bytes: bytes, last: last)
            case .end: return nil
            case .nothingYet: await wait(ticket, after: offset)
            }
        }
        return nil
    }

    private func resync() -> Batch {
        let texts = texts.map { StreamEvent.PanelText(panel: $0.panel, stage: $0.stage, text: $0.text) }
        // A log that has ended keeps its last event for after the resync, so that a reader sees the end as well.
        let last = outcome == nil ? lastOffset : lastOffset - 1
        return Batch(bytes: StreamLog.encoded(.resync(texts), EventID(stream: id, offset: last)), last: last)
    }

    /// One event as a server-sent event.
    public static func encoded(_ event: StreamEvent, _ id: EventID) -> [UInt8] {
        var json = JSONWriter()
        event.encode(into: &json)
        var bytes: [UInt8] = []
        ServerSentEvent.append(id: id.description, data: json.bytes.span, to: &bytes)
        return bytes
    }

    /// Waits for an event after `offset`, the end of the log or of the task, but no longer than `time`; who waits counts as
    /// somebody who watches.
    public func waitForEvent(
        after offset: Int, atMost time: Duration, isolation: isolated (any Actor)? = #isolation
    ) async {
        let ticket = await makeTicket()
        await withTaskCancellationHandler {
            _ = isolation
            await waitForEvent(after: offset, atMost: time, ticket)
        } onCancel: {
            wakeFromAnywhere(ticket)
        }
    }

    private func waitForEvent(after offset: Int, atMost time: Duration, _ ticket: Int) async {
        let end = loop.now + UInt64(max(time / .milliseconds(1), 0))
        let timer = LoopTimer(on: loop) { [unowned self] in assumeIsolated { $0.wake(ticket) } }
        timer.start(after: time)
        waitingCallers += 1
        detachTimer = nil
        while outcome == nil, lastOffset <= offset, loop.now < end, !Task.isCancelled {
            await wait(ticket, after: offset)
        }
        waitingCallers -= 1
        startDetachTimer()
        timer.stop()
    }

    /// Waits until the log has ended or the task is cancelled; who waits counts as somebody who watches.
    public func ended(isolation: isolated (any Actor)? = #isolation) async {
        let ticket = await makeTicket()
        await withTaskCancellationHandler {
            _ = isolation
            await ended(ticket)
        } onCancel: {
            wakeFromAnywhere(ticket)
        }
    }

    private func ended(_ ticket: Int) async {
        waitingCallers += 1
        detachTimer = nil
        while outcome == nil, !Task.isCancelled { await wait(ticket, after: .max) }
        waitingCallers -= 1
        startDetachTimer()
    }

    /// Names one reader, which waits for one thing at a time.
    private func makeTicket() -> Int {
        lastTicket += 1
        return lastTicket
    }

    /// Waits for an event after `offset`, the end of the log, or the end of the task.
    private func wait(_ ticket: Int, after offset: Int) async {
        await withCheckedContinuation { waiter in
            // Looked at once more: the way here may have led over a suspension (it does for a task that has no preference
            // for this loop), and what came meanwhile would wake nobody.
            if Task.isCancelled || lastOffset > offset || outcome != nil { return waiter.resume() }
            waiters.append((ticket, waiter))
        }
    }

    /// Ends the wait of a reader whose task is cancelled; what it begins later, it sees for itself.
    private nonisolated func wakeFromAnywhere(_ ticket: Int) {
        loop.execute { self.assumeIsolated { $0.wake(ticket) } }
    }

    private func wake(_ ticket: Int) {
        guard let place = waiters.firstIndex(where: { $0.ticket == ticket }) else { return }
        waiters.remove(at: place).waiter.resume()
    }

    private func tellAll() {
        for reader in readers { reader.logHasNews() }
        guard !waiters.isEmpty else { return }
        for (_, waiter) in waiters { waiter.resume() }
        waiters.removeAll(keepingCapacity: true)
    }

    // MARK: Viewers

    func attach(_ reader: any LogReader) throws(PlatformError) {
        _ = try attach()
        readers.append(reader)
    }

    func detach(_ reader: any LogReader) {
        guard let place = readers.firstIndex(where: { $0 === reader }) else { return }
        readers.remove(at: place)
        detach()
    }

    private func attach() throws(PlatformError) -> Int {
        guard viewers < settings.maxViewersPerStream else {
            throw PlatformError(
                .rateLimited, "Too many windows watch this answer. Close one and try again.",
                retryAfter: .seconds(1))
        }
        viewers += 1
        detachTimer = nil
        return makeTicket()
    }

    private func detach() {
        viewers -= 1
        startDetachTimer()
    }

    /// Readers now.
    public var viewerCount: Int { viewers }

    private func startDetachTimer() {
        guard settings.onDetach == .cancel, hasRun, outcome == nil, viewers == 0, waitingCallers == 0 else { return }
        let timer = LoopTimer(on: loop) { [unowned self] in assumeIsolated { $0.stop(.detached) } }
        timer.start(after: settings.detachGrace)
        detachTimer = timer
    }
}
