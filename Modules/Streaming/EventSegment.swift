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

    /// The bytes of the events after `offset`, which is at least `first - 1` and below `last`.
    func bytes(after offset: Int) -> [UInt8] {
        // A reader that wants the whole segment shares its storage.
        if offset < first { return text.bytes }
        return Array(text.bytes[ends[offset - first]...])
    }
}
