/// Finds where characters (grapheme clusters, Unicode Standard Annex 29) begin in UTF-8 that grows at its end.
///
/// It looks at each byte once and carries its state from piece to piece. Two ASCII characters in a row are told apart
/// without the tables of Unicode; the rest is left to the standard library's own state machine, so that a character is
/// here what `Character` is there.
struct CharacterScanner: Sendable {
    /// What a character is for the cutting of text.
    enum Kind: Sendable, Hashable {
        /// It goes on with the character before.
        case continuation
        case space
        /// White space that ends a line.
        case lineBreak
        /// A character of a script that is written without spaces.
        case ideograph
        /// Punctuation of such a script that begins, or ends, what stands beside it.
        case opening, closing
        case word
    }

    /// Where the next character, or the rest of this one, is looked for.
    var position = 0
    private var previous = Previous.nothing
    private var recognizer = Unicode._CharacterRecognizer()

    private enum Previous {
        case nothing
        case ascii(UInt8)
        /// The recognizer knows it.
        case other
    }

    /// A CR may be half of a line end.
    var isAfterCarriageReturn: Bool {
        if case .ascii(0x0D) = previous { true } else { false }
    }

    /// Takes what comes next as the beginning of a text.
    mutating func forget() { previous = .nothing }

    /// Skips ASCII characters of a word that has begun with one.
    ///
    /// - Returns: how many.
    mutating func skipPlainCharacters(of text: [UInt8], upTo bound: Int) -> Int {
        guard case .ascii = previous else { return 0 }
        let first = position
        while position < bound, text[position] > 0x20, text[position] < 0x80 { position += 1 }
        if position > first { previous = .ascii(text[position - 1]) }
        return position - first
    }

    /// Reads one scalar; there must be one.
    mutating func next(in text: [UInt8]) -> Kind {
        let byte = text[position]
        guard byte >= 0x80 else {
            position += 1
            return nextASCII(byte)
        }
        let scalar = decode(text)
        let isContinuation = !hasBreak(before: scalar)
        previous = .other
        return isContinuation ? .continuation : Self.kind(of: scalar.value)
    }

    private mutating func nextASCII(_ byte: UInt8) -> Kind {
        defer { previous = .ascii(byte) }
        switch previous {
        case .nothing: break
        case .ascii(let before): if byte == 0x0A, before == 0x0D { return .continuation }
        case .other: if !recognizer.hasBreak(before: Unicode.Scalar(byte)) { return .continuation }
        }
        return switch byte {
        case 0x0A, 0x0D: .lineBreak
        case 0x20, 0x09, 0x0B, 0x0C: .space
        default: .word
        }
    }

    private mutating func hasBreak(before scalar: Unicode.Scalar) -> Bool {
        switch previous {
        case .nothing:
            recognizer = Unicode._CharacterRecognizer()
            _ = recognizer.hasBreak(before: scalar)
            return true
        case .ascii(let byte):
            // No rule of the annex looks back beyond an ASCII character, so the recognizer need not have seen more.
            recognizer = Unicode._CharacterRecognizer()
            _ = recognizer.hasBreak(before: Unicode.Scalar(byte))
            return recognizer.hasBreak(before: scalar)
        case .other: return recognizer.hasBreak(before: scalar)
        }
    }

    /// The text came from a `String`, so a first byte has all its others behind it.
    private mutating func decode(_ text: [UInt8]) -> Unicode.Scalar {
        let byte = UInt32(text[position])
        let length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
        var value = byte & (0x7F >> UInt32(length))
        for offset in 1..<length { value = value << 6 | UInt32(text[position + offset] & 0x3F) }
        position += length
        return Unicode.Scalar(value) ?? "\u{FFFD}"
    }
}

extension CharacterScanner {
    /// Scripts and punctuation by their blocks (Unicode 17, Blocks.txt); white space as in PropList.txt, but for the
    /// spaces that do not break lines: U+00A0, U+2007 and U+202F belong to words.
    private static func kind(of scalar: UInt32) -> Kind {
        switch scalar {
        case 0x85, 0x2028, 0x2029: .lineBreak
        case 0x1680, 0x2000...0x2006, 0x2008...0x200A, 0x205F, 0x3000: .space
        case 0..<0x0E00: .word
        // Thai and Lao, Myanmar, Khmer.
        case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF: .ideograph
        case 0..<0x2E80: .word
        // The mark that lengthens a vowel belongs to it.
        case 0x3001, 0x3002, 0x30FC: .closing
        case 0x3008...0x3011, 0x3014...0x301B: scalar.isMultiple(of: 2) ? .opening : .closing
        // Han with its radicals and marks, kana, bopomofo, and the compatibility forms of all of them.
        case 0x2E80...0x2FDF, 0x3005...0x3007, 0x3021...0x3029, 0x3038...0x303B, 0x3041...0x312F, 0x31A0...0x31BF,
            0x31F0...0x31FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0xFF66...0xFF9F, 0x20000...0x3FFFD:
            .ideograph
        case 0xFF08, 0xFF3B, 0xFF5B, 0xFF5F, 0xFF62: .opening
        case 0xFF01, 0xFF09, 0xFF0C, 0xFF0E, 0xFF1A, 0xFF1B, 0xFF1F, 0xFF3D, 0xFF5D, 0xFF60, 0xFF61, 0xFF63, 0xFF64:
            .closing
        default: .word
        }
    }
}
