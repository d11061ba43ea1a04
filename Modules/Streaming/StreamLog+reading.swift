public import Core
import Reactor

/// Reading: at any place, by any number, without a hop on the log's own loop.
extension StreamLog {
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
        read(after: offset, upTo: shownOffset, body)
    }

    /// Hands over the events after `offset` up to the one at `last`; see ``read(after:_:)``.
    func read(after offset: Int, upTo last: Int, _ body: (Span<UInt8>) -> Void) -> Progress {
        let isOver = outcome != nil && last == events.last
        if offset == last { return isOver ? .end : .nothingYet }
        if offset > last || offset < events.first - 1 {
            let batch = resync(at: last, isOver: isOver)
            body(batch.bytes.span)
            return .upTo(batch.last)
        }
        let (bytes, end) = events.read(after: offset, upTo: last)
        body(bytes.span)
        return end == last && !isOver ? .all(last) : .upTo(end)
    }

    /// Offset of the newest event that readers see.
    var shownOffset: Int { isGated ? written : events.last }

    /// Whether readers have seen the end, once they have read all that is shown.
    private var isOver: Bool { outcome != nil && shownOffset == events.last }

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

    private func resync(at last: Int, isOver: Bool) -> Batch {
        // A log that has ended keeps its last event for after the resync, so that a reader sees the end as well.
        let place = isOver ? last - 1 : last
        let event = StreamEvent.resync(last == events.last ? texts.whole : texts.written)
        return Batch(bytes: StreamLog.encoded(event, EventID(stream: id, offset: place)), last: place)
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
        while !isOver, shownOffset <= offset, loop.now < end, !Task.isCancelled {
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
        while !isOver, !Task.isCancelled { await wait(ticket, after: .max) }
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
            if Task.isCancelled || shownOffset > offset || isOver { return waiter.resume() }
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

    func tellAll() {
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

    func startDetachTimer() {
        guard settings.onDetach == .cancel, hasRun, outcome == nil, viewers == 0, waitingCallers == 0 else { return }
        let timer = LoopTimer(on: loop) { [unowned self] in assumeIsolated { $0.stop(.detached) } }
        timer.start(after: settings.detachGrace)
        detachTimer = timer
    }
}
