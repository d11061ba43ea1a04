/// Joins the continuation of an answer to what was shown of it: what is said twice is left out, once.
///
/// Models that go on with another's text often begin with its last words. So the continuation's beginning is held back
/// while it may still be such a repetition. Repeated is what the shown text ends with, from the beginning of a word; runs
/// of white space count as equal.
struct Seam {
    /// What was shown, white space collapsed, as far back as repetitions are looked for.
    private let tail: [Character]
    /// Where a repetition may begin in `tail`, the longest first.
    private var candidates: [Int]
    private let endsInSpace: Bool
    private let isExact: Bool
    private var held = ""
    private var isOpen = true

    /// Characters of the shown text that a repetition is looked for in; models repeat a sentence, hardly a page.
    private static let reach = 600

    /// - Parameters:
    ///   - shown: the text so far.
    ///   - isExact: whether the continuation comes from a model that was given the text as its own: it goes on within a
    ///     word, and a single word that comes again is meant.
    init(after shown: String, isExact: Bool) {
        let collapsed = Self.collapsed(String(shown.suffix(Self.reach * 2)))
        endsInSpace = collapsed.last == " "
        tail = Array((endsInSpace ? collapsed.dropLast() : collapsed[...]).suffix(Self.reach))
        self.isExact = isExact
        let tail = tail
        let isWhole = tail.count < Self.reach
        candidates = tail.indices.filter { $0 == 0 ? isWhole : tail[$0 - 1] == " " }
        if isExact, let last = candidates.last, tail[last...].count < 12 {
            candidates.removeAll { !tail[$0...].contains(" ") }
        }
    }

    /// - Returns: what of the continuation can be shown now.
    mutating func push(_ text: String) -> String {
        guard isOpen else { return text }
        held += text
        return decide(isEnd: false) ?? ""
    }

    /// - Returns: what was held back to the end.
    mutating func finish() -> String {
        guard isOpen else { return "" }
        return decide(isEnd: true) ?? ""
    }

    /// `nil` while more must be seen.
    private mutating func decide(isEnd: Bool) -> String? {
        let leading = held.prefix { $0.isWhitespace }
        let said = Array(Self.collapsed(String(held.dropFirst(leading.count))))
        if said.isEmpty, !isEnd { return nil }
        for start in candidates {
            let repeated = tail[start...]
            if said.count > repeated.count, said.starts(with: repeated) {
                let isWordBoundary = !(Self.isWord(said[repeated.count]) && Self.isWord(repeated.last))
                // A word that was shown in part is said again in whole.
                guard isWordBoundary || !endsInSpace && !isExact else { continue }
                return close(dropping: repeated.count, of: held.dropFirst(leading.count))
            }
            if repeated.starts(with: said) {
                guard isEnd else { return nil }
                if said.count == repeated.count {
                    return close(dropping: said.count, of: held.dropFirst(leading.count))
                }
            }
        }
        isOpen = false
        return joined(held[...])
    }

    private mutating func close(dropping count: Int, of text: Substring) -> String {
        isOpen = false
        // Back from collapsed characters to those that came.
        var left = count
        var rest = text
        while left > 0, let first = rest.first {
            rest = first.isWhitespace ? rest.drop { $0.isWhitespace } : rest.dropFirst()
            left -= 1
        }
        return endsInSpace ? String(rest.drop { $0 == " " || $0 == "\t" }) : String(rest)
    }

    /// The continuation as it goes on from the shown text: one space, not two and not none.
    private func joined(_ text: Substring) -> String {
        if endsInSpace { return String(text.drop { $0 == " " || $0 == "\t" }) }
        let needsSpace = !isExact && !tail.isEmpty && Self.isWord(tail.last) && Self.isWord(text.first)
        return needsSpace ? " " + text : String(text)
    }

    private static func isWord(_ character: Character?) -> Bool {
        character.map { $0.isLetter || $0.isNumber } ?? false
    }

    private static func collapsed(_ text: String) -> String {
        var collapsed = ""
        var isSpace = false
        for character in text {
            if character.isWhitespace {
                if !isSpace { collapsed.append(" ") }
                isSpace = true
            } else {
                collapsed.append(character)
                isSpace = false
            }
        }
        return collapsed
    }
}
