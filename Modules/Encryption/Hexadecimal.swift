/// Hexadecimal digits in lower case.
enum Hexadecimal {
    /// The value of one digit; `nil` for another character.
    static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }

    /// Writes two digits for each byte to the end of `text`.
    static func append(_ bytes: UnsafeRawBufferPointer, to text: inout [UInt8]) {
        for byte in bytes {
            for half in [byte >> 4, byte & 15] { text.append(half < 10 ? 0x30 + half : 0x57 + half) }
        }
    }

    /// Two digits for each byte.
    static func text(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        Array(bytes).withUnsafeBytes { append($0, to: &text) }
        return String(decoding: text, as: UTF8.self)
    }
}
