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

    /// Hands over the bytes of the events after `offset`, which is at least `first - 1` and below `last`.
    func withBytes(after offset: Int, _ body: (Span<UInt8>) -> Void) {
        body(text.bytes.span.extracting((offset < first ? 0 : ends[offset - first])...))
    }
}
