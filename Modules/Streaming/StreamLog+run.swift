public import Core

/// The run that fills a log: its beginning, and the ways in which it ends early.
extension StreamLog {
    /// Why a run was told to end.
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
        /// The disk does not take what is to be shown.
        case storage
        /// What the stream is part of was deleted: nothing of it is recorded.
        case deleted
    }

    /// Keeps room for a run, which counts as under way from here on.
    ///
    /// What is to be stored before the run begins is stored after this, so that nothing is left of what has no room. It is
    /// given back by ``leave()`` and with the end of the log.
    ///
    /// - Throws: as ``start(_:_:)``.
    public func admit() throws(PlatformError) {
        guard !hasRoom else { return }
        try hub.feed(on: loop)?.admit()
        try hub.admit()
        hasRoom = true
    }

    /// Gives back the room that was kept for a run that is not started after all.
    public func leave() {
        guard hasRoom, !hasRun, outcome == nil else { return }
        hasRoom = false
        hub.leave()
    }

    /// Starts the run that fills the log, for which room is kept unless it was before.
    ///
    /// - Parameters:
    ///   - subject: what the run is part of; `nil` when it is part of no conversation.
    ///   - body: runs on the log's loop; it is cancelled by ``stop(_:)``. What it leaves unfinished is ended as `failed`.
    /// - Throws: `PlatformError` `unavailable` when too many runs are under way or memory is short, `storageFailed` when
    ///   what must be on disk before it is shown cannot be written, `shuttingDown` after ``StreamHub/close()`` or when the
    ///   log was ended before it began.
    public func start(
        _ subject: StreamSubject? = nil, _ body: @escaping @Sendable (isolated StreamLog) async -> Void
    ) throws(PlatformError) {
        precondition(!hasRun, "a log has one run")
        guard outcome == nil else {
            throw PlatformError(.shuttingDown, "The server is restarting. Try again in a moment.")
        }
        try admit()
        hasRun = true
        self.subject = subject
        if let feed = hub.feed(on: loop) { join(feed) }
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
}
