/// Whether a space is missing between a text and what is to follow it.
///
/// A model that is told to go on begins as it begins any answer, without white space, also where a new word is due. So a
/// space is put where two words, or a word and a mark, would touch that do not touch in writing.
///
/// A text that stops inside a word gets one too if the model goes on there: nothing tells `para` and `cetamol` from two
/// words. That is why it is asked to say a last word again.
enum WordGap {
    /// The word that a text ends with, which may be whole or cut; `nil` where it ends otherwise, and where its script
    /// does not part words.
    static func lastWord(of text: String) -> Substring? {
        guard let last = text.last, last.isLetter || last.isNumber, !writesWithoutSpaces(last) else { return nil }
        let start = text.lastIndex { $0.isWhitespace }.map(text.index(after:)) ?? text.startIndex
        let word = text[start...]
        return word.count <= 40 ? word : nil
    }

    /// `nil` while the first character of `next` may be of either kind, and more must be seen.
    static func isMissing(after last: some BidirectionalCollection<Character>, before next: Substring) -> Bool? {
        guard let end = last.last, let first = next.first else { return false }
        if end.isWhitespace || first.isWhitespace || writesWithoutSpaces(end) && writesWithoutSpaces(first) {
            return false
        }
        if opening.contains(end) || closing.contains(first) { return false }
        // `well-known`, but `pain – and fever`: a dash has a space on both sides or on none.
        if dashes.contains(end) { return last.dropLast().last?.isWhitespace ?? false }
        guard dashes.contains(first) || quoting.contains(first) else { return true }
        guard let second = next.first(where: { $0 != first }) else { return nil }
        return dashes.contains(first) ? second.isWhitespace : second.isLetter || second.isNumber
    }

    private static let opening: Set<Character> = ["(", "[", "{", "“", "„", "«", "‘", "¿", "¡", "#", "_", "`"]
    private static let closing: Set<Character> = [
        ".", ",", ";", ":", "!", "?", "…", ")", "]", "}", "”", "»", "’", "'", "%", "_", "`", "。", "、", "，",
    ]
    private static let dashes: Set<Character> = ["-", "–", "—", "/"]
    /// Marks that open and close alike: before a word they open.
    private static let quoting: Set<Character> = ["\"", "*"]

    /// Scripts that put no space between words: Thai and its neighbours, Chinese and Japanese.
    private static func writesWithoutSpaces(_ character: Character) -> Bool {
        guard let scalar = character.unicodeScalars.first?.value else { return false }
        return (0x0E00...0x0EFF).contains(scalar) || (0x2E80...0x9FFF).contains(scalar)
            || (0xF900...0xFAFF).contains(scalar) || (0xFF00...0xFFEF).contains(scalar)
            || (0x20000...0x3FFFF).contains(scalar)
    }
}
