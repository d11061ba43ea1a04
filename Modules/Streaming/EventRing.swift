import Core

/// The newest events of a stream, encoded, within bounds: what a reader is handed without a copy.
struct EventRing: Sendable {
    /// Full segments, oldest first.
    private var sealed: [EventSegment] = []
    private var sealedBytes = 0
    /// The one that is written.
    var open = EventSegment(first: 1)
    /// Offset of the newest event that was let go.
    private var dropped = 0
    private let maxEvents: Int
    private let maxBytes: Int

    /// A segment is sealed past this size, which also bounds what a reader is handed at once.
    private static let segmentLimit = 64 * 1024
    /// Room for nearly every event.
    private static let eventRoom = 512

    init(_ settings: StreamingSettings) {
        maxEvents = settings.maxEventsPerStream
        maxBytes = settings.maxBytesPerStream
    }

    /// Offset of the newest event; 0 while there is none.
    var last: Int { open.last }

    /// Offset after which nothing was let go; events that never were, in a gap, are not missed.
    var first: Int { dropped + 1 }

    /// Bytes of the events that are kept.
    var byteCount: Int { sealedBytes + open.text.bytes.count }

    /// Begins a new segment when the open one is full; called before each event.
    ///
    /// - Returns: whether it did.
    mutating func makeRoom() -> Bool {
        let count = open.text.bytes.count
        guard count >= Self.segmentLimit / 2 else { return false }
        // Sealed before its room would double for the last of its events.
        guard count >= Self.segmentLimit || open.text.bytes.capacity - count < Self.eventRoom else { return false }
        seal()
        return true
    }

    /// Ends the event that was written into ``open``.
    ///
    /// - Returns: the bytes in the open segment.
    mutating func endEvent() -> Int {
        open.text.raw("\n\n")
        let end = open.text.bytes.count
        open.ends.append(end)
        return end
    }

    /// Begins a new segment and lets the oldest go when there is more than the bounds allow.
    private mutating func seal() {
        sealedBytes += open.text.bytes.count
        sealed.append(open)
        open = EventSegment(first: open.last + 1)
        // The newest stays whatever the bounds: viewers who are up to date may not have been given it yet.
        while sealed.count > 1, let oldest = sealed.first,
            sealedBytes > maxBytes || last - oldest.last > maxEvents
        {
            sealedBytes -= oldest.text.bytes.count
            dropped = oldest.last
            sealed.removeFirst()
        }
    }

    /// The events after `offset`, as many as are kept together, and the offset of the last of them; no copy.
    ///
    /// A gap in the offsets, which a `resync` follows, is passed over.
    ///
    /// - Parameters:
    ///   - offset: at least `first - 1`.
    ///   - end: where to stop, above `offset`.
    /// - Returns: server-sent events, and the offset of the last of them.
    func read(after offset: Int, upTo end: Int) -> (bytes: ArraySlice<UInt8>, last: Int) {
        if offset >= open.first - 1 { return (open.bytes(after: offset, upTo: end), end) }
        let segment = segment(after: offset)
        let last = min(segment.last, end)
        return (segment.bytes(after: offset, upTo: last), last)
    }

    /// Offset of the event that follows on `offset`, which is at least `first - 1` and below `last`.
    func next(after offset: Int) -> Int { max(segment(after: offset).first, offset + 1) }

    private func segment(after offset: Int) -> EventSegment {
        guard offset < open.first - 1, let place = sealed.lastIndex(where: { $0.first <= offset + 1 }) else {
            return open
        }
        if sealed[place].last > offset { return sealed[place] }
        return place + 1 < sealed.count ? sealed[place + 1] : open
    }

    // MARK: Gaps

    /// Leaves out the offsets up to `offset`: the next event, which is a `resync`, has the one after.
    mutating func skip(to offset: Int) {
        guard offset > last else { return }
        if !open.ends.isEmpty { seal() }
        open = EventSegment(first: offset + 1)
    }

    /// Forgets the events after `offset`, without giving their offsets to others.
    mutating func cut(after offset: Int) {
        let next = last
        while let newest = sealed.last, open.first > offset + 1 {
            sealed.removeLast()
            sealedBytes -= newest.text.bytes.count
            open = newest
        }
        open.cut(after: offset)
        skip(to: next)
    }

    /// Adds events that are encoded already.
    ///
    /// - Returns: whether they were whole, `first` to `last`, and not before those that are there.
    mutating func append(_ events: [UInt8], first: Int, last: Int) -> Bool {
        guard first > self.last, last >= first else { return false }
        if first > self.last + 1 { skip(to: first - 1) } else { _ = makeRoom() }
        return open.append(events, count: last - first + 1) != nil
    }
}
