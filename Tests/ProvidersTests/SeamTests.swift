import TestSupport
import Testing

@testable import Providers

@Suite("The joint of a continued answer")
struct SeamTests {
    private func join(_ shown: String, _ pieces: [String], isExact: Bool = false) -> String {
        var seam = Seam(after: shown, isExact: isExact)
        return pieces.reduce(shown) { $0 + seam.push($1) } + seam.finish()
    }

    @Test(
        "leaves out what is said twice, and keeps one space",
        arguments: [
            ("Take 500 mg ", "twice a day.", "Take 500 mg twice a day."),
            ("Take 500 mg ", " twice a day.", "Take 500 mg twice a day."),
            ("Take 500 mg", "twice a day.", "Take 500 mg twice a day."),
            ("Take 500 mg ", "500 mg twice a day.", "Take 500 mg twice a day."),
            ("Take 500 mg ", "Take 500 mg twice a day.", "Take 500 mg twice a day."),
            ("Take 500 mg ", "mg\ntwice a day.", "Take 500 mg \ntwice a day."),
            ("One. Two. ", "\n\nThree.", "One. Two. \n\nThree."),
            ("Rest and par", "paracetamol help.", "Rest and paracetamol help."),
            ("the pain ", "pain relief", "the pain relief"),
            ("the pain ", "painful joint", "the pain painful joint"),
            ("It ends here.", "", "It ends here."),
            ("It ends here. ", "It ends here.", "It ends here. "),
            ("", "Anew.", "Anew."),
            ("Rest.\n\n", "Rest.\n\nDrink.", "Rest.\n\nDrink."),
            ("Rest.\n", "Rest.\n\nDrink.", "Rest.\n\nDrink."),
            ("Rest.\n- ", "- Drink.", "Rest.\n- Drink."),
            ("Rest.\n\n", " Drink.", "Rest.\n\nDrink."),
            ("- Rest:\n", "  - in bed", "- Rest:\n  - in bed"),
            ("Rest", "  in bed", "Rest in bed"),
        ])
    func instructed(shown: String, continuation: String, whole: String) {
        #expect(join(shown, [continuation]) == whole)
        #expect(join(shown, continuation.map(String.init)) == whole)
    }

    @Test(
        "of a model that takes the text as its own goes on within a word, and keeps a single word that comes again",
        arguments: [
            ("Rest and para", "cetamol help.", "Rest and paracetamol help."),
            ("give 1", "0 mg", "give 10 mg"),
            ("very ", "very ill", "very very ill"),
            ("Take two tablets of it ", "Take two tablets of it daily.", "Take two tablets of it daily."),
        ])
    func exact(shown: String, continuation: String, whole: String) {
        #expect(join(shown, [continuation], isExact: true) == whole)
        #expect(join(shown, continuation.map(String.init), isExact: true) == whole)
    }

    @Test(
        "puts a space where one is missing, and none where none belongs",
        arguments: [
            ("It is harmless.", "Rest.", "It is harmless. Rest."), ("fever", "– and pain", "fever – and pain"),
            ("fever –", "and pain", "fever – and pain"), ("well", "-known", "well-known"),
            ("well-", "known", "well-known"), ("39", ".5 °C", "39.5 °C"), ("39.5", "°C", "39.5 °C"),
            ("the patient", "’s age", "the patient’s age"), ("rest", ", then drink", "rest, then drink"),
            ("rest (", "in bed)", "rest (in bed)"), ("rest", "(in bed)", "rest (in bed)"),
            ("it is", "**urgent**", "it is **urgent**"), ("it is **urgent", "** now", "it is **urgent** now"),
            ("so-called", "\"rest\"", "so-called \"rest\""), ("救急", "車", "救急車"), ("call", "救急車", "call 救急車"),
        ])
    func spaces(shown: String, continuation: String, whole: String) {
        #expect(join(shown, [continuation]) == whole)
        #expect(join(shown, continuation.map(String.init)) == whole)
    }

    @Test("is right wherever the text was cut and however much is said again", arguments: UInt64(1)...200)
    func anywhere(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let words = (1...80).map { "word\($0)" }
        let whole = words.joined(separator: " ") + "."
        let cut = Int.random(in: 1..<80, using: &random)
        let again = Int.random(in: 0...min(cut, 40), using: &random)
        let shown = words[..<cut].joined(separator: " ") + (Bool.random(using: &random) ? " " : "")
        var rest = Substring(words[(cut - again)...].joined(separator: " ") + ".")
        if Bool.random(using: &random) { rest = " " + rest }
        var pieces: [String] = []
        while !rest.isEmpty {
            pieces.append(String(rest.prefix(Int.random(in: 1...9, using: &random))))
            rest = rest.dropFirst(pieces[pieces.count - 1].count)
        }
        #expect(join(shown, pieces) == whole, "seed \(seed): cut \(cut), again \(again)")
    }

    @Test(
        "knows the word that a text stops with, which may be cut",
        arguments: [
            ("Rest and para", "para"), ("give 1", "1"), ("39.5", "39.5"), ("well-kno", "well-kno"), ("Rest", "Rest"),
            ("Rest ", nil), ("Rest.", nil), ("Rest –", nil), ("", nil), ("call 救急", nil),
            (String(repeating: "n", count: 41), nil),
        ])
    func lastWord(text: String, word: String?) {
        #expect(WordGap.lastWord(of: text).map(String.init) == word)
    }

    @Test("holds back no more than may still be a repetition")
    func holdsBack() {
        var seam = Seam(after: "Take 500 mg ", isExact: false)
        #expect(seam.push("Take 5") == "")
        #expect(seam.push("0 ml") == "Take 50 ml")
        #expect(seam.push(" more") == " more")
    }
}
