/// Text cut into sentences.
enum Sentences {
    /// The sentences of a paragraph, in order and trimmed.
    ///
    /// A sentence ends at `.`, `!` or `?`, with the quotes and brackets that close behind it, before white space and a
    /// capital letter, a digit or an opening mark. Not behind an abbreviation, an initial or a number at the start of the
    /// text, so that `2.5 mg`, `e.g. aspirin` and `Dr. Who` stay whole.
    static func of(_ paragraph: String) -> [String] {
        var sentences: [String] = []
        var start = paragraph.startIndex
        var place = start
        while place < paragraph.endIndex {
            guard ends.contains(paragraph[place]) else {
                place = paragraph.index(after: place)
                continue
            }
            var next = paragraph.index(after: place)
            while next < paragraph.endIndex, closing.contains(paragraph[next]) || ends.contains(paragraph[next]) {
                next = paragraph.index(after: next)
            }
            if isEnd(paragraph[place], after: paragraph[start..<place], before: paragraph[next...]) {
                sentences.append(String(paragraph[start..<next].trimmed))
                start = next
            }
            place = next
        }
        let rest = paragraph[start...].trimmed
        if !rest.isEmpty { sentences.append(String(rest)) }
        return sentences
    }

    private static let ends: Set<Character> = [".", "!", "?", "。", "！", "？", "…"]
    private static let closing: Set<Character> = ["\"", "'", ")", "]", "”", "’", "»"]

    private static func isEnd(_ mark: Character, after head: Substring, before tail: Substring) -> Bool {
        guard let next = tail.first(where: { !$0.isWhitespace }) else { return true }
        if !mark.isASCII, mark != "…" { return true }
        guard tail.first?.isWhitespace == true else { return false }
        guard mark == "." else { return true }
        let word = head.split(whereSeparator: { $0.isWhitespace || $0 == "(" }).last ?? ""
        if abbreviations.contains(word.lowercased()) || word.count == 1 && word.first?.isLetter == true { return false }
        return next.isUppercase || next.isNumber || !next.isLetter
    }

    /// Without their last stop, in lower case; those of English medical prose.
    private static let abbreviations: Set<String> = [
        "dr", "mr", "mrs", "ms", "prof", "st", "e.g", "i.e", "eg", "ie", "vs", "approx", "ca", "cf", "etc", "al", "fig",
        "no", "nos", "max", "min", "resp", "incl", "excl", "p.o", "i.v", "i.m", "s.c", "b.i.d", "t.i.d", "q.i.d",
        "p.r.n",
        "hr", "hrs", "wk", "wks", "mo", "yr", "yrs", "dept", "vol",
    ]
}
