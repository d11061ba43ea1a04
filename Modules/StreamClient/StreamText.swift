public import Core

/// The text of a stream as its events tell it, and what each event changes.
public struct StreamText: Sendable {
    /// Each panel's text in each stage, in the order they began.
    public private(set) var texts: [StreamEvent.PanelText] = []

    public init() {}

    /// What somebody who has shown everything so far has to do.
    public enum Change: Sendable, Hashable {
        /// To add a piece to a panel's text.
        case append(StreamEvent.PanelText)
        /// To take everything back and show these texts instead.
        case rewrite([StreamEvent.PanelText])
    }

    /// Takes an event in; those that carry no text change nothing.
    public mutating func apply(_ event: StreamEvent) -> [Change] {
        switch event.type {
        case .contentChunk:
            guard let panel = event.panel, let stage = event.stage else { return [] }
            return append(StreamEvent.PanelText(panel: panel, stage: stage, text: event.content))
        case .resync: return replace(with: event.texts)
        case .retract: return retract(event)
        default: return []
        }
    }

    private mutating func append(_ piece: StreamEvent.PanelText) -> [Change] {
        guard !piece.text.isEmpty else { return [] }
        if let index = index(piece.panel, piece.stage) {
            texts[index].text += piece.text
        } else {
            texts.append(piece)
        }
        return [.append(piece)]
    }

    /// Where the new texts go on from what was shown, only the rest has to be shown.
    private mutating func replace(with newTexts: [StreamEvent.PanelText]) -> [Change] {
        let isContinuation = texts.allSatisfy { old in
            newTexts.contains { $0.panel == old.panel && $0.stage == old.stage && $0.text.hasPrefix(utf8: old.text) }
        }
        guard isContinuation else {
            texts = newTexts
            return [.rewrite(newTexts)]
        }
        return newTexts.flatMap { new -> [Change] in
            let shown = index(new.panel, new.stage).map { texts[$0].text.utf8.count } ?? 0
            var rest = new
            rest.text = String(decoding: new.text.utf8.dropFirst(shown), as: UTF8.self)
            return append(rest)
        }
    }

    /// A span counts characters; one that reaches beyond the text is brought to its end.
    private mutating func retract(_ event: StreamEvent) -> [Change] {
        guard let panel = event.panel, let stage = event.stage, let index = index(panel, stage) else { return [] }
        var text = texts[index].text
        if let span = event.metadata["span"], let start = span["start"]?.int, let end = span["end"]?.int {
            let first = text.index(text.startIndex, offsetBy: max(start, 0), limitedBy: text.endIndex) ?? text.endIndex
            let last = text.index(text.startIndex, offsetBy: max(end, 0), limitedBy: text.endIndex) ?? text.endIndex
            if first < last { text.removeSubrange(first..<last) }
        } else {
            text = ""
        }
        guard text != texts[index].text else { return [] }
        texts[index].text = text
        return [.rewrite(texts)]
    }

    private func index(_ panel: Panel, _ stage: Stage) -> Int? {
        texts.firstIndex { $0.panel == panel && $0.stage == stage }
    }
}

extension String {
    /// By bytes: `hasPrefix` compares characters, and the next piece may add an accent to the last one.
    fileprivate func hasPrefix(utf8 prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }
}
