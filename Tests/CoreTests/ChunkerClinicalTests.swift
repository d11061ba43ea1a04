import Core
import Testing

@Suite("The chunker on clinical text")
struct ChunkerClinicalTests {
    /// What must stay in one chunk, with text around it.
    static let phrases: [String] = [
        "500 mg", "120/80 mmHg", "q6h", "SpO2 94%", "7.4 mmol/L", "1,000 IU", "38.5 °C", "BP 120/80 mmHg", "GCS 14",
        "0.5 mL", "5 mg/kg/day", "60 mL/min/1.73 m²", "60 mL/min/1.73m2", "120/80 mm Hg", "2 × 10^9 /L", "10⁹ /L",
        "4.5 x 10^9/L", "HR 88 bpm", "RR 18 /min", "Temp 38.2 °C", "T 37.9 C", "pH 7.31", "HbA1c 7.4 %", "INR 2.5",
        "K 5.9 mEq/L", "SpO2: 94 %", "SpO₂ = 94 %", "FiO2 0.4", "BP: 120 / 80 mmHg", "**BP:** 120/80 mmHg",
        "**500** mg", "(500 mg)", "<7.2 kPa", "≥2.5 mg/dL", "-2.5 mmol/L", "±0.5 kg", "½ tablet", "2 tablets,",
        "12.5 µg/min", "12.5 μg/min", "100 mcg;", "3 puffs.", "6 hours", "14 days", "40 units/hr", "GCS=14 points",
        "BP:120/80 mmHg", "LVEF 35 %", "PEEP 8 cm H2O", "PEEP 8 cmH2O", "QTc 480 ms", "0.9 %", "37 °", "99.5 degrees F",
        "1.8 g·dL", "80 kg·m²", "5 mg—then", "500 mg...", "2.5 MG", "6 HOURS", "NIHSS 4", "eGFR 45 mL/min/1.73 m2",
        "温38.5 °C", "72 (bpm)", "q 6 h", "1\u{A0}000 mg", "1\u{202F}000 mg", "5\u{A0}mg", "20 min⁻¹", "30 kg/m2",
    ]

    @Test("Figures stay with their units and labels, wherever the text is cut", arguments: phrases)
    func everySplit(phrase: String) {
        for (before, after) in [("Then ", " for now"), ("", ""), ("Give some ", " of it.\n"), ("x 2024 ", " 12 then")] {
            let text = before + phrase + after
            let inner = before.utf8.count + 1..<(before + phrase).utf8.count
            for pieces in text.halves + [text.map(String.init), [text]] {
                var chunker = Chunker()
                let chunks = chunker.chunks(of: pieces)
                #expect(chunks.joined() == text)
                #expect(String.cuts(of: chunks).isDisjoint(with: inner), "\(pieces) became \(chunks)")
            }
        }
    }

    @Test(
        "Words that only look like figures or units do not hold one another",
        arguments: [
            ("in 2024 patients ", ["in 2024 ", "patients "]), ("GCS was stable ", ["GCS was ", "stable "]),
            ("COVID-19 hours ", ["COVID-19 ", "hours "]), ("type B12\n500 ", ["type ", "B12\n500 "]),
            ("about 50\nmg ", ["about ", "50\nmg "]), ("12345\nmg more ", ["12345\n", "mg more "]),
            ("@12345 mg ", ["@12345 ", "mg "]), ("5 to 12345 ", ["5 to ", "12345 "]),
        ])
    func noGlue(text: String, expected: [String]) {
        #expect(Chunker.chunks(of: text) == expected)
    }

    @Test("Random notes in random pieces keep every figure whole", arguments: 0..<300 as Range<UInt64>)
    func randomNotes(seed: UInt64) {
        var random = SeededRandom(seed)
        let (text, kept) = random.clinicalText(words: 40)
        var chunker = Chunker()
        let chunks = chunker.chunks(of: random.pieces(of: text.unicodeScalars).map { String($0) })
        #expect(chunks.joined() == text, "seed \(seed)")
        let cuts = String.cuts(of: chunks)
        for range in kept { #expect(cuts.isDisjoint(with: range), "seed \(seed): \(chunks)") }
    }
}

extension SeededRandom {
    /// Plain words and clinical phrases, with the byte offsets inside the phrases.
    mutating func clinicalText(words: Int) -> (text: String, kept: [Range<Int>]) {
        var text = ""
        var kept: [Range<Int>] = []
        for _ in 0..<words {
            if Int.random(in: 0..<3, using: &self) == 0,
                let phrase = ChunkerClinicalTests.phrases.randomElement(using: &self)
            {
                kept.append(text.utf8.count + 1..<(text + phrase).utf8.count)
                text += phrase + " "
            } else {
                text += plainWord() + " "
            }
        }
        return (text, kept)
    }

    /// A word of lower-case letters that is no label.
    mutating func plainWord() -> String {
        "z"
            + String(
                (0..<Int.random(in: 0...14, using: &self)).map { _ in "abcdefghij".randomElement(using: &self) ?? "a" })
    }
}
