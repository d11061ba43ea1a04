internal import Core

/// Splits an answer that begins with `<think>…</think>` into reasoning and content, however the tags are cut.
///
/// That is how models reason behind a server that does not know their format. Only a tag at the very beginning counts:
/// an answer may well speak of such tags. White space around the tags belongs to neither text.
struct ThinkTags: Sendable {
    private enum State { case beginning, opened, thinking, closed, answering }

    private static let opening = "<think>".unicodeScalars
    private static let closing = "</think>".unicodeScalars

    private var state = State.beginning
    private var held = String.UnicodeScalarView()

    /// Appends as much of the text so far as cannot be part of a tag.
    mutating func split(_ text: String, into deltas: inout [Delta]) {
        guard state != .answering else { return deltas.append(.content(text)) }
        held.append(contentsOf: text.unicodeScalars)
        if state == .beginning { begin() }
        if state == .opened { dropSpace(then: .thinking) }
        if state == .thinking { think(into: &deltas) }
        if state == .closed { dropSpace(then: .answering) }
        if state == .answering { give(&held, Delta.content, into: &deltas) }
    }

    /// Appends what is still held back.
    mutating func end(into deltas: inout [Delta]) {
        if state == .opened || state == .closed { dropSpace(then: .answering) }
        give(&held, state == .thinking ? Delta.reasoning : Delta.content, into: &deltas)
    }

    private mutating func begin() {
        let text = held.drop { $0.properties.isWhitespace }
        if text.starts(with: Self.opening) {
            held = .init(text.dropFirst(Self.opening.count))
            state = .opened
        } else if !Self.opening.starts(with: text) {
            state = .answering
        }
    }

    private mutating func think(into deltas: inout [Delta]) {
        if let tag = held.firstRange(of: Self.closing) {
            var thought = String.UnicodeScalarView(held[..<tag.lowerBound])
            give(&thought, Delta.reasoning, into: &deltas)
            held = .init(held[tag.upperBound...])
            state = .closed
            return
        }
        // The longest end that may be the beginning of the tag waits.
        let longest = min(held.count, Self.closing.count - 1)
        let kept = (0...longest).last { Self.closing.starts(with: held.suffix($0)) } ?? 0
        var thought = String.UnicodeScalarView(held.dropLast(kept))
        held = .init(held.suffix(kept))
        give(&thought, Delta.reasoning, into: &deltas)
    }

    private mutating func dropSpace(then next: State) {
        held = .init(held.drop { $0.properties.isWhitespace })
        if !held.isEmpty { state = next }
    }

    private func give(
        _ text: inout String.UnicodeScalarView, _ delta: (String) -> Delta, into deltas: inout [Delta]
    ) {
        if !text.isEmpty { deltas.append(delta(String(text))) }
        text = .init()
    }
}
