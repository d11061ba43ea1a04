/// Which words of clinical text belong together, so that no chunk shows half a dose.
///
/// A word ending in a number wants a unit: `500 mg`, `120/80 mmHg`, `60 mL/min/1.73 m²`. A label wants a value:
/// `GCS 14`, `SpO2: 94%`. Signs between numbers join them: `120 / 80`, `FiO2 = 0.4`, `4.5 × 10^9 /L`. What is in the
/// way of such a reading at a word's edges (brackets, quotes, emphasis, the comma behind a unit) is looked through.
enum ClinicalWords {
    /// What the word after this one would have to be to belong to it.
    enum Wanted: Sendable, Hashable {
        case nothing
        case unit
        case value
        /// The second half of a unit written in two words: the `Hg` of `mm Hg`.
        case secondHalf
    }

    /// What a word wants that begins something of its own.
    static func wanted(after text: [UInt8], _ word: Range<Int>) -> Wanted {
        if endsInNumber(text, word) { return .unit }
        return isLabel(text, word) ? .value : .nothing
    }

    /// What a word wants that comes after one that wanted `wanted`; `nil` when it does not belong to that one.
    static func next(_ wanted: Wanted, _ text: [UInt8], _ word: Range<Int>) -> Wanted? {
        switch wanted {
        case .nothing: nil
        case .unit:
            switch unit(text, word) {
            // Some are both, and case does not tell: hours and heart rate, kelvin and potassium.
            case .nothing?: isLabel(text, word) ? .value : .nothing
            case let next?: next
            case nil: isSign(text, word) ? .value : nil
            }
        case .value:
            if isValue(text, word) {
                endsInNumber(text, word) ? .unit : .nothing
            } else {
                isSign(text, word) ? .value : nil
            }
        case .secondHalf: secondHalves.contains(lowercased(text, core(of: text, word))) ? .nothing : nil
        }
    }

    /// Whether a word that begins here can be a number: its first letter or digit is a digit, or has not come yet.
    static func canBeValue(_ text: [UInt8], from start: Int) -> Bool {
        let index = firstOfNumber(text, start..<text.count)
        return index == text.count || isDigit(text, at: index)
    }
}

extension ClinicalWords {
    private static func isValue(_ text: [UInt8], _ word: Range<Int>) -> Bool {
        let index = firstOfNumber(text, word)
        return index < word.upperBound && isDigit(text, at: index)
    }

    /// Skips what may stand before a number: brackets, quotes, signs of comparison, plus and minus.
    private static func firstOfNumber(_ text: [UInt8], _ word: Range<Int>) -> Int {
        var index = word.lowerBound
        while index < word.upperBound, !isDigit(text, at: index) {
            switch text[index] {
            case 0x41...0x5A, 0x61...0x7A: return index
            case 0..<0x80: index += 1
            // U+0080 to U+00BF, the multiplication sign; general punctuation and mathematical operators.
            case 0xC2: index += 2
            case 0xC3 where index + 1 < text.count && text[index + 1] == 0x97: index += 2
            case 0xE2: index += 3
            default: return index
            }
        }
        return min(index, word.upperBound)
    }

    /// An ASCII digit, or a vulgar fraction (U+00BC to U+00BE).
    private static func isDigit(_ text: [UInt8], at index: Int) -> Bool {
        switch text[index] {
        case 0x30...0x39: true
        case 0xC2: index + 1 < text.count && (0xBC...0xBE).contains(text[index + 1])
        default: false
        }
    }

    /// Whether a word ends in a number that may want a unit: `500`, `(120/80`, `<7.2`, `10^9`, `GCS=14`, `**38.5**`.
    ///
    /// A number that is part of a name does not count: `SpO2`, `COVID-19`, `@4711`.
    private static func endsInNumber(_ text: [UInt8], _ word: Range<Int>) -> Bool {
        var index = word.upperBound
        while index > word.lowerBound, isEmphasis(text[index - 1]) { index -= 1 }
        guard index > word.lowerBound, endsInDigit(text, word.lowerBound..<index) else { return false }
        var follower: UInt8 = 0
        while index > word.lowerBound {
            let byte = text[index - 1]
            switch byte {
            case 0x30...0x39, UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: "/"), UInt8(ascii: "^"),
                UInt8(ascii: ":"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "x"):
                index -= 1
                follower = byte
            case 0x41...0x5A, 0x61...0x7A: return follower == UInt8(ascii: ":")
            case UInt8(ascii: "@"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
                UInt8(ascii: "\\"):
                return false
            case UInt8(ascii: "_"): return index - 1 == word.lowerBound
            case 0..<0x80: return true
            default:
                var lead = index - 1
                while lead > word.lowerBound, text[lead] & 0xC0 == 0x80 { lead -= 1 }
                switch (text[lead], text[lead + 1]) {
                // No-break spaces: what stands before them is another word.
                case (0xC2, 0xA0): return true
                case (0xE2, 0x80) where [0x87, 0xAF].contains(text[lead + 2]): return true
                case (0xC2, 0xB5): return false
                case (0xC2, _), (0xC3, 0x97), (0xE2, _): break
                // Beyond U+2FFF stand scripts that put a number right behind a word.
                default: return text[lead] >= 0xE3 || follower == UInt8(ascii: ":")
                }
                index = lead
                follower = text[lead]
            }
        }
        return true
    }

    /// A digit, a raised one, or a vulgar fraction.
    private static func endsInDigit(_ text: [UInt8], _ word: Range<Int>) -> Bool {
        let last = text[word.upperBound - 1]
        if (0x30...0x39).contains(last) { return true }
        guard last >= 0x80, word.count >= 2 else { return false }
        switch text[word.upperBound - 2] {
        case 0xC2: return [0xB2, 0xB3, 0xB9, 0xBC, 0xBD, 0xBE].contains(last)
        case 0x81: return (0xB0...0xB9).contains(last)
        default: return false
        }
    }

    private static func isEmphasis(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "*") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "`")
    }

    /// Labels are looked up as they are written; see ``labels``.
    private static func isLabel(_ text: [UInt8], _ word: Range<Int>) -> Bool {
        var start = word.lowerBound
        var end = word.upperBound
        while start < end, "([*_\"'`".utf8.contains(text[start]) { start += 1 }
        while start < end, ":=*_`".utf8.contains(text[end - 1]) { end -= 1 }
        guard start < end, end - start <= longestLabel else { return false }
        return labels.contains(String(decoding: text[start..<end], as: UTF8.self))
    }

    private static func isSign(_ text: [UInt8], _ word: Range<Int>) -> Bool {
        word.count <= 3 && signs.contains(String(decoding: text[word], as: UTF8.self))
    }
}

extension ClinicalWords {
    /// What a unit wants; `nil` when the word is none.
    ///
    /// A unit is a product of units, numbers and raised powers, such as `mL/min/1.73`, `kg·m²` or `/µL`.
    private static func unit(_ text: [UInt8], _ word: Range<Int>) -> Wanted? {
        let core = core(of: text, word)
        guard !core.isEmpty, core.count <= 48 else { return nil }
        if firstHalves.contains(lowercased(text, core)), core.upperBound == word.upperBound { return .secondHalf }
        var hasUnit = false
        var endsInNumber = false
        var start = core.lowerBound
        while start < core.upperBound {
            var end = start
            while end < core.upperBound, separatorLength(text, at: end) == 0 { end += 1 }
            let factor = factor(text, start..<end)
            if factor == .neither { return nil }
            if factor == .unit { hasUnit = true }
            endsInNumber = factor == .number
            start = end < core.upperBound ? end + separatorLength(text, at: end) : end
        }
        guard hasUnit else { return nil }
        // As in `mL/min/1.73 m²`.
        return endsInNumber && core.upperBound == word.upperBound ? .unit : .nothing
    }

    private enum Factor { case unit, number, neither }

    private static func factor(_ text: [UInt8], _ range: Range<Int>) -> Factor {
        if range.isEmpty { return .number }
        if units.contains(lowercased(text, range)) { return .unit }
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, (0x30...0x39).contains(text[start]) || text[start] == UInt8(ascii: ".") { start += 1 }
        if start == end { return .number }
        // A power: m2, s^2, m², min⁻¹.
        while start < end, (0x30...0x39).contains(text[end - 1]) || text[end - 1] == UInt8(ascii: "^") { end -= 1 }
        while start < end, text[end - 1] & 0xC0 == 0x80, isRaised(text, start..<end) {
            end -= text[end - 2] == 0xC2 ? 2 : 3
        }
        return units.contains(lowercased(text, start..<end)) ? .unit : .neither
    }

    /// Whether the text ends in a raised digit or minus.
    private static func isRaised(_ text: [UInt8], _ range: Range<Int>) -> Bool {
        guard range.count >= 2 else { return false }
        let last = text[range.upperBound - 1]
        if text[range.upperBound - 2] == 0xC2 { return last == 0xB2 || last == 0xB3 || last == 0xB9 }
        guard range.count >= 3, text[range.upperBound - 3] == 0xE2, text[range.upperBound - 2] == 0x81 else {
            return false
        }
        return (0xB0...0xBB).contains(last)
    }

    /// Bytes of the sign between two factors that stands here: `/`, `-`, `·` or `⋅`; 0 when there is none.
    private static func separatorLength(_ text: [UInt8], at index: Int) -> Int {
        switch text[index] {
        case UInt8(ascii: "/"), UInt8(ascii: "-"): 1
        case 0xC2 where index + 1 < text.count && text[index + 1] == 0xB7: 2
        case 0xE2 where index + 2 < text.count && text[index + 1] == 0x8B && text[index + 2] == 0x85: 3
        default: 0
        }
    }

    /// The part of a word that may be a unit: from behind an opening bracket or emphasis up to punctuation.
    private static func core(of text: [UInt8], _ word: Range<Int>) -> Range<Int> {
        var start = word.lowerBound
        while start < word.upperBound, "([*_".utf8.contains(text[start]) { start += 1 }
        var end = start
        while end < word.upperBound {
            let byte = text[end]
            if ",;:()[]{}\"!?=+<>|&~'*_`".utf8.contains(byte) { break }
            // A point is part of a number between digits alone.
            if byte == UInt8(ascii: ".") {
                let isInNumber =
                    end > start && end + 1 < word.upperBound && (0x30...0x39).contains(text[end - 1])
                    && (0x30...0x39).contains(text[end + 1])
                if !isInNumber { break }
            }
            // Dashes, quotes and the ellipsis, U+2010 to U+2026.
            if byte == 0xE2, end + 2 < text.count, text[end + 1] == 0x80, (0x90...0xA6).contains(text[end + 2]) {
                break
            }
            end += 1
        }
        return start..<end
    }

    private static func lowercased(_ text: [UInt8], _ range: Range<Int>) -> String {
        guard range.count <= 32 else { return "" }
        return String(decoding: text[range].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
