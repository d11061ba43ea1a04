import Core

/// The log's side of the journal, which is one more reader: an offset up to which it has everything.
extension StreamLog {
    /// Has news written down from here on.
    func join(_ feed: JournalFeed) {
        self.feed = feed
        isListed = false
        isGated = settings.durability == .beforeDelivery
    }

    /// Waits until the beginning of a run is on disk, so that whoever is told of the stream finds it after a crash.
    ///
    /// A disk that fails or hangs holds nobody up for longer than a second; nor does a log that is not written down.
    public func begunOnDisk() async {
        guard let feed, written == 0 else { return }
        await withCheckedContinuation { feed.herald(self, $0) }
    }

    /// The log has left the hub: what was written of it is let go of, and no more is.
    func leaveJournal() {
        hub.journal?.forget(id)
        feed?.drop(self)
        feed = nil
        isListed = true
        openGate()
    }

    /// Shows all there is, as it comes.
    private func openGate() {
        guard isGated else { return }
        isGated = false
        tellAll()
    }

    /// Hands over what the journal does not have.
    ///
    /// A journal that the log no longer reaches gets a `resync`, as any reader does.
    func collect() -> [JournalEntry] {
        isListed = false
        guard feed != nil else { return [] }
        var entries: [JournalEntry] = []
        while collected < events.last {
            var bytes: [UInt8] = []
            let isReached = collected >= events.first - 1
            let last: Int
            switch read(after: collected, upTo: events.last, { bytes.append(copying: $0) }) {
            case .upTo(let offset), .all(let offset): last = offset
            case .nothingYet, .end: return entries
            }
            entries.append(
                JournalEntry(
                    stream: id, owner: owner, subject: subject, begunAt: begunAt,
                    first: isReached ? events.next(after: collected) : last,
                    last: last, events: bytes, outcome: last == events.last ? outcome : nil))
            collected = last
        }
        if isGated { texts.collect() }
        return entries
    }

    /// What was collected is on disk.
    func settle() {
        guard feed != nil else { return }
        written = collected
        guard isGated else { return }
        texts.settle(upTo: written)
        tellAll()
    }

    /// What was collected could not be written, and is to be collected again.
    func collectAgain() {
        collected = written
        if !isListed { feed?.hasNews(self) }
    }

    /// What a user is told whose answer ends as ``StopReason/storage``.
    public static let storageSentence =
        "The answer could not be written down. What is shown is kept; try again in a while."

    /// Ends the wait for a disk that takes nothing: what it does not have is never shown, and the answer ends.
    ///
    /// The offsets of what was not shown are not given to other events, for the disk may have them after all.
    func breakOff() {
        guard isGated, written < events.last, !isRecording else { return }
        // What the store has is on disk.
        guard !isRecorded else { return openGate() }
        isCut = true
        let wasOver = outcome != nil
        outcome = nil
        dropWaiting()
        texts.cut()
        events.cut(after: written)
        openGate()
        append(.resync(texts.whole))
        guard wasOver else { return stop(.storage) }
        append(PlatformError(.storageFailed, Self.storageSentence))
        end(with: .done(texts.isEmpty ? .failed : .truncated))
    }
}
