import Core
import Testing

extension Chunker {
    /// What leaves at each piece, and at the end.
    mutating func chunks(of pieces: [some StringProtocol]) -> [String] {
        var chunks: [String] = []
        for piece in pieces { push(String(piece)) { chunks.append($0) } }
        flush { chunks.append($0) }
        return chunks
    }

    static func chunks(of text: String) -> [String] {
        var chunker = Chunker()
        return chunker.chunks(of: [text])
    }
}

extension String {
    /// The text in two pieces, cut between any two scalars.
    var halves: [[String]] {
        unicodeScalars.indices.map { [String(self[..<$0]), String(self[$0...])] }
    }

    /// The byte offsets at which the pieces meet.
    static func cuts(of pieces: [String]) -> Set<Int> {
        var offset = 0
        return Set(
            pieces.dropLast().map {
                offset += $0.utf8.count; return offset
            })
    }
}

@Suite("The chunker")
struct ChunkerTests {
    static let plain: [(String, [String])] = [
        ("", []), ("a", ["a"]), ("Chest pain since noon", ["Chest ", "pain ", "since ", "noon"]),
        ("I am a doctor ", ["I am ", "a doctor "]), ("of hypertension ", ["of ", "hypertension "]),
        ("to be or not to be", ["to be ", "or not ", "to be"]), ("of patients ", ["of ", "patients "]),
        ("pain.\n\nNext line", ["pain.\n\n", "Next ", "line"]), ("pain.\r\n\r\nNext ", ["pain.\r\n\r\n", "Next "]),
        ("  indented ", ["  ", "indented "]), ("hydrochlorothiazide\n\nb", ["hydrochlorothiazide\n\n", "b"]),
        ("no\u{A0}break\u{A0}here at", ["no\u{A0}break\u{A0}here ", "at"]),
        ("word          \t\t\tnext ", ["word          ", "\t\t\tnext "]),
        ("cafe\u{301}s 👩‍⚕️👍🏽🇩🇪 ok ", ["cafe\u{301}s ", "👩‍⚕️👍🏽🇩🇪 ok "]),
        ("胸が痛いです。息が苦しいです。", ["胸が痛いで", "す。息が苦", "しいです。"]),
        ("「痛い」と言ったときの", ["「痛い」と", "言ったとき", "の"]), ("ปวดหัวมาก", ["ปวดหัว", "มาก"]),
        ("通院は3日間続く", ["通院は3日", "間続く"]),
    ]

    @Test("Text is cut at words, as early as the sizes allow", arguments: plain)
    func plainText(text: String, expected: [String]) {
        #expect(Chunker.chunks(of: text) == expected)
    }

    @Test("Sizes can be chosen; senseless ones are brought into range")
    func sizes() {
        var chunker = Chunker(minimum: 1, maximum: 4)
        #expect(chunker.chunks(of: ["a bc def ghijk l"]) == ["a ", "bc ", "def ", "ghijk ", "l"])
        chunker = Chunker(minimum: 20, maximum: 40)
        #expect(chunker.chunks(of: ["one two three four five six"]) == ["one two three four five ", "six"])
        chunker = Chunker(minimum: 0, maximum: -3)
        #expect(chunker.minimum == 1 && chunker.maximum == 1)
        #expect(chunker.chunks(of: ["ab c"]) == ["ab ", "c"])
    }

    @Test(
        "What ends with white space after a plain word leaves with its own piece",
        arguments: [
            "@12345678 ", "stable ", "well-known ", "SpO2-free ", "500mg of it ", "q6h PRN ", "94%, fine ", "COVID-19 ",
            "done.\n",
        ])
    func atOnce(piece: String) {
        var chunker = Chunker()
        var chunks: [String] = []
        for round in 1...3 {
            chunker.push(piece) { chunks.append($0) }
            #expect(chunks.joined() == String(repeating: piece, count: round))
            #expect(!chunker.isWaiting)
        }
    }

    @Test(
        "Text waits while something may still belong to it, and no longer",
        arguments: [
            ("about 12345 ", "apples", "about 12345 "), ("Temp ", "of", "Temp "),
            ("about 500 ", "mg ", "about 500 mg "),
            ("stable\r", "\n", "stable\r\n"), ("GCS 14\n", "", "GCS 14\n"), ("worse", " ", "worse "),
            ("SpO2: ", "was", "SpO2: "), ("about 5 mm ", "Hg ", "about 5 mm Hg "),
            ("level of 60 mL/min/1.73 ", "m2 ", "level of 60 mL/min/1.73 m2 "),
        ])
    func waiting(first: String, second: String, gone: String) {
        var chunker = Chunker()
        var chunks: [String] = []
        chunker.push(first) { chunks.append($0) }
        if !second.isEmpty { #expect(chunks.joined() != first && chunker.isWaiting) }
        chunker.push(second) { chunks.append($0) }
        if second.last?.isWhitespace ?? true {
            #expect(chunks.joined() == gone && !chunker.isWaiting)
        } else {
            chunker.push(" ") { chunks.append($0) }
            #expect(chunks.joined().hasPrefix(gone))
        }
    }

    @Test("A flush hands on what waits, be it half a word, and the text goes on behind it")
    func flush() {
        var chunker = Chunker()
        var chunks: [String] = []
        chunker.push("hyper") { chunks.append($0) }
        #expect(chunks.isEmpty && chunker.isWaiting)
        chunker.flush { chunks.append($0) }
        #expect(chunks == ["hyper"] && !chunker.isWaiting)
        chunker.flush { chunks.append($0) }
        chunker.push("tension 5") { chunks.append($0) }
        chunker.flush { chunks.append($0) }
        #expect(chunks == ["hyper", "tension ", "5"])
    }

    @Test("When the receiver throws, nothing is lost and nothing comes twice", arguments: 0..<100 as Range<UInt64>)
    func throwing(seed: UInt64) {
        struct Refused: Error {}
        var random = SeededRandom(seed)
        let text = random.clinicalText(words: 30).text
        var chunker = Chunker()
        var chunks: [String] = []
        var refuses = random
        let take: (String) throws(Refused) -> Void = { chunk throws(Refused) in
            chunks.append(chunk)
            if refuses.next() % 3 == 0 { throw Refused() }
        }
        for piece in random.pieces(of: text) {
            do { try chunker.push(String(piece), take) } catch { continue }
        }
        for _ in 0..<200 where chunker.isWaiting {
            do {
                try chunker.push("", take)
                try chunker.flush(take)
            } catch { continue }
        }
        #expect(chunks.joined() == text, "seed \(seed)")
        #expect(!chunker.isWaiting, "seed \(seed)")
    }

    @Test(
        "Memory stays bounded whatever comes",
        arguments: [
            ["a"], [" "], ["\u{301}"], ["e\u{301}"], ["👩‍"], ["1 / "], ["12 "], ["x"], ["\r"], ["\u{A0}"], ["ก"],
            ["BP = "], ["漢"],
            ["。"], ["「"], ["\u{600}"],
        ].map { $0.joined() })
    func bounded(unit: String) {
        var chunker = Chunker()
        var sent = 0
        var received = 0
        var longest = 0
        for _ in 0..<20_000 {
            chunker.push(unit) {
                received += $0.utf8.count
                longest = max(longest, $0.utf8.count)
            }
            sent += unit.utf8.count
            #expect(sent - received <= 5 * Chunker.longestAtom)
        }
        chunker.flush {
            received += $0.utf8.count
            longest = max(longest, $0.utf8.count)
        }
        #expect(received == sent && longest <= 5 * Chunker.longestAtom)
    }
}
