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
    /// The white space that the shown text ends with.
    private let space: String
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
        space = String(shown.reversed().prefix { $0.isWhitespace }.reversed())
        tail = Array((space.isEmpty ? collapsed[...] : collapsed.dropLast()).suffix(Self.reach))
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
        let text = held.drop { $0.isWhitespace }
        let said = Array(Self.collapsed(String(text)))
        if said.isEmpty, !isEnd { return nil }
        for start in candidates {
            let repeated = tail[start...]
            if said.count > repeated.count, said.starts(with: repeated) {
                // The white space after it is judged as a whole.
                if said.count == repeated.count + 1, said.last == " ", !isEnd { return nil }
                let isWordBoundary = !(Self.isWord(said[repeated.count]) && Self.isWord(repeated.last))
                // A word that was shown in part is said again in whole.
                guard isWordBoundary || space.isEmpty && !isExact else { continue }
                isOpen = false
                return joined(Self.dropping(repeated.count, of: text))
            }
            if repeated.starts(with: said) {
                guard isEnd else { return nil }
                if said.count == repeated.count {
                    isOpen = false
                    return ""
                }
            }
        }
        if space.isEmpty, !isExact, let first = held.first, !first.isWhitespace {
            guard let isMissing = WordGap.isMissing(after: tail, before: held[...]) ?? (isEnd ? false : nil) else {
                return nil
            }
            if isMissing { held = " " + held }
        }
        isOpen = false
        return joined(held[...])
    }

    /// `text` without its first characters, white space being counted as it is when collapsed.
    private static func dropping(_ count: Int, of text: Substring) -> Substring {
        var rest = text
        for _ in 0..<count {
            guard let first = rest.first else { break }
            rest = first.isWhitespace ? rest.drop { $0.isWhitespace } : rest.dropFirst()
        }
        return rest
    }

    /// The continuation as it goes on from the shown text: of white space that both have, as much as the longer one.
    private func joined(_ text: Substring) -> String {
        let lead = text.prefix { $0.isWhitespace }
        let rest = text[lead.endIndex...]
        let lines = lead.count(where: \.isNewline)
        let shownLines = space.count(where: \.isNewline)
        guard lines <= shownLines else {
            // A paragraph begins here, or more of its blank lines come.
            var missing = lead
            for _ in 0..<shownLines { missing = missing.drop { !$0.isNewline }.dropFirst() }
            return String(space.isEmpty ? missing : missing.drop { $0 == " " || $0 == "\t" }) + rest
        }
        if space.isEmpty { return (lead.isEmpty ? "" : " ") + rest }
        // One space more is a slip; more than one at the beginning of a line is its indentation.
        let indentation = lead[(lead.lastIndex(where: \.isNewline).map(lead.index(after:)) ?? lead.startIndex)...]
        return (space.last?.isNewline == true && indentation.count > 1 ? String(indentation) : "") + rest
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
