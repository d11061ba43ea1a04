import Core

/// Random numbers that a seed repeats (SplitMix64, Steele, Lea and Flood 2014), so that a failing case can be run again.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

extension SeededRandom {
    /// Pieces of text that break careless code: escapes, combining marks, joined emoji, line ends, two scripts.
    static let awkward = [
        "a", "chest pain ", "\"", "\\", "/", "\u{0}", "\u{1F}", "\u{7F}", "\n", "\r", "\r\n", "\t", " ", "é",
        "e\u{301}",
        "👩‍⚕️", "🇩🇪", "👍🏽", "ß", "胸が痛い", "\u{2028}", "\u{FEFF}", "\u{10FFFF}", "500 mg", "data: x", ":", "{", "}",
    ]

    mutating func text(upTo pieces: Int) -> String {
        (0..<Int.random(in: 0...pieces, using: &self)).map { _ in Self.awkward.randomElement(using: &self) ?? "" }
            .joined()
    }

    mutating func json(depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &self) {
        case 0: .null
        case 1: .bool(.random(using: &self))
        case 2: .int(Int64(bitPattern: next()) >> Int64.random(in: 0..<64, using: &self))
        case 3: .double(Double.random(in: -1e6...1e6, using: &self) / 3)
        case 4, 5: .string(text(upTo: 4))
        case 6: .array((0..<Int.random(in: 0...3, using: &self)).map { _ in json(depth: depth - 1) })
        default: .object(object(depth: depth - 1))
        }
    }

    mutating func object(depth: Int) -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        for _ in 0..<Int.random(in: 0...3, using: &self) { members[text(upTo: 3)] = json(depth: depth) }
        return members
    }

    /// Splits `elements` at random places, also into empty parts.
    mutating func pieces<Elements: Collection>(of elements: Elements) -> [Elements.SubSequence] {
        var rest = elements[...]
        var parts: [Elements.SubSequence] = []
        let longest = Int.random(in: 1...12, using: &self)
        while !rest.isEmpty {
            let count = Int.random(in: 0...longest, using: &self)
            parts.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        return parts
    }
}
