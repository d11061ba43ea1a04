import Core
import Testing

@Suite("The chunker on random text")
struct ChunkerPropertyTests {
    @Test("Joined, the chunks are the text, however it was cut before", arguments: 0..<400 as Range<UInt64>)
    func concatenation(seed: UInt64) {
        var random = SeededRandom(seed)
        let text = random.text(upTo: 60)
        var chunker = Chunker(
            minimum: Int.random(in: 1...8, using: &random), maximum: Int.random(in: 1...20, using: &random))
        let chunks = chunker.chunks(of: random.pieces(of: text.unicodeScalars).map { String($0) })
        #expect(chunks.map { Array($0.utf8) }.flatMap { $0 } == Array(text.utf8), "seed \(seed)")
        #expect(!chunks.contains(""), "seed \(seed)")
    }

    @Test("No chunk of a text that comes at once begins or ends inside a grapheme", arguments: 0..<400 as Range<UInt64>)
    func graphemes(seed: UInt64) {
        var random = SeededRandom(seed)
        let scalars: [Unicode.Scalar] = [
            "a", " ", "\r", "\n", "\u{301}", "\u{200D}", "👩", "⚕", "\u{FE0F}", "🇩", "🇪", "👍", "🏽", "क", "्", "ष", "가",
            "ᆨ", "漢",
            "か", "\u{3099}", "\u{600}", "。", "「", "5", "ก", "ำ", "\u{A0}", "\u{3000}", "\u{2028}", "é",
        ]
        var view = String.UnicodeScalarView()
        for _ in 0..<80 { view.append(scalars.randomElement(using: &random) ?? "a") }
        let text = String(view)
        let chunks = Chunker.chunks(of: text)
        #expect(chunks.joined() == text, "seed \(seed)")
        // Counted apart, the characters of the chunks are those of the text only if none was cut.
        var offset = 0
        let boundaries = Set(
            text.map {
                offset += $0.utf8.count; return offset
            })
        #expect(String.cuts(of: chunks).isSubset(of: boundaries), "seed \(seed): \(chunks)")
    }

    @Test("Sizes hold, and where pieces were cut makes no difference", arguments: 0..<300 as Range<UInt64>)
    func sizes(seed: UInt64) {
        var random = SeededRandom(seed)
        let minimum = Int.random(in: 1...8, using: &random)
        let maximum = minimum + Int.random(in: 0...12, using: &random)
        let words = (0..<60).map { _ in random.plainWord() + (random.next() % 10 == 0 ? "\r\n" : " ") }
        var whole = Chunker(minimum: minimum, maximum: maximum)
        let chunks = whole.chunks(of: [words.joined()])
        for (index, chunk) in chunks.enumerated() {
            let wordCount = chunk.split(whereSeparator: \.isWhitespace).count
            #expect(chunk.count <= maximum || wordCount == 1, "seed \(seed): \(chunk)")
            #expect(chunk.last?.isWhitespace ?? false, "seed \(seed): \(chunk)")
            guard chunk.count < minimum, index + 1 < chunks.count else { continue }
            let next = chunks[index + 1]
            let word = next[...(next.firstIndex(where: \.isWhitespace) ?? next.startIndex)]
            #expect(chunk.count + word.count > maximum, "seed \(seed): \(chunk)|\(next)")
        }
        var pieces = Chunker(minimum: minimum, maximum: maximum)
        #expect(
            pieces.chunks(of: random.pieces(of: words.joined().unicodeScalars).map { String($0) }) == chunks,
            "seed \(seed)")
    }

    @Test("A chunk leaves no later than the white space behind its last word", arguments: 0..<100 as Range<UInt64>)
    func latency(seed: UInt64) {
        var random = SeededRandom(seed)
        var chunker = Chunker()
        for _ in 0..<50 {
            let word = random.plainWord() + " "
            var waits = 0
            chunker.push(word) { _ in }
            chunker.flush { waits += $0.count }
            #expect(waits < chunker.minimum, "seed \(seed): \(word)")
        }
    }
}
