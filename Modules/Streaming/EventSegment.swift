import Core

/// A run of consecutive events, encoded for the wire.
struct EventSegment: Sendable {
    /// Offset of the first event.
    let first: Int
    /// The events as server-sent events, one after the other.
    var text: JSONWriter
    /// Where each event ends in `text`.
    var ends: [Int] = []

    init(first: Int) {
        self.first = first
        text = JSONWriter()
    }

    /// Offset of the last event; `first - 1` while there is none.
    var last: Int { first + ends.count - 1 }

    /// The bytes of the events after `offset`, which is below `end`, up to the one at `end`.
    func bytes(after offset: Int, upTo end: Int) -> ArraySlice<UInt8> {
        text.bytes[(offset < first ? 0 : ends[offset - first])..<ends[end - first]]
    }

    /// Adds events that are encoded already; `nil` when they are not `count` whole ones.
    mutating func append(_ events: [UInt8], count: Int) -> Void? {
        var found: [Int] = []
        found.reserveCapacity(count)
        let start = text.bytes.count
        // The JSON of an event holds no newline, so that an empty line ends each.
        for index in events.indices.dropFirst() where events[index] == 0x0A && events[index - 1] == 0x0A {
            found.append(start + index + 1)
        }
        guard found.count == count, found.last == start + events.count else { return nil }
        ends += found
        var bytes = text.bytes
        text = JSONWriter()
        bytes += events
        text = JSONWriter(appendingTo: bytes)
        return ()
    }

    /// Forgets the events after `offset`.
    mutating func cut(after offset: Int) {
        let kept = max(offset - first + 1, 0)
        guard kept < ends.count else { return }
        text = JSONWriter(appendingTo: Array(text.bytes.prefix(kept == 0 ? 0 : ends[kept - 1])))
        ends.removeSubrange(kept...)
    }
}
