/// Finds the first byte at which a text stops being JSON.
///
/// simdjson says that a text is wrong, not where. This reads the grammar of RFC 8259 once more, byte by byte, and is run
/// on refused texts alone.
enum FirstFault {
    private enum Expectation { case value, valueOrClose, name, nameOrClose, colon, commaOrClose, nothing }

    /// - Returns: the fault's offset, which is the count of bytes when the text breaks off; `nil` when the grammar holds.
    static func offset(in bytes: Span<UInt8>) -> Int? {
        var isObject: [Bool] = []
        var expected = Expectation.value
        var index = 0
        while true {
            skipSpace(bytes, &index)
            guard index < bytes.count else { return expected == .nothing ? nil : index }
            let byte = bytes[index]
            switch (expected, byte) {
            case (.valueOrClose, UInt8(ascii: "]")), (.nameOrClose, UInt8(ascii: "}")):
                index += 1
                isObject.removeLast()
                expected = isObject.isEmpty ? .nothing : .commaOrClose
            case (.commaOrClose, UInt8(ascii: "]")), (.commaOrClose, UInt8(ascii: "}")):
                guard isObject.popLast() == (byte == UInt8(ascii: "}")) else { return index }
                index += 1
                expected = isObject.isEmpty ? .nothing : .commaOrClose
            case (.commaOrClose, UInt8(ascii: ",")):
                index += 1
                expected = isObject.last == true ? .name : .value
            case (.colon, UInt8(ascii: ":")):
                index += 1
                expected = .value
            case (.name, UInt8(ascii: "\"")), (.nameOrClose, UInt8(ascii: "\"")):
                guard skipString(bytes, &index) else { return index }
                expected = .colon
            case (.value, UInt8(ascii: "{")), (.valueOrClose, UInt8(ascii: "{")):
                index += 1
                isObject.append(true)
                expected = .nameOrClose
            case (.value, UInt8(ascii: "[")), (.valueOrClose, UInt8(ascii: "[")):
                index += 1
                isObject.append(false)
                expected = .valueOrClose
            case (.value, _), (.valueOrClose, _):
                guard skipScalar(bytes, &index) else { return index }
                expected = isObject.isEmpty ? .nothing : .commaOrClose
            default:
                return index
            }
        }
    }

    private static func skipSpace(_ bytes: Span<UInt8>, _ index: inout Int) {
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }

    private static func skipScalar(_ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
        switch bytes[index] {
        case UInt8(ascii: "\""): skipString(bytes, &index)
        case UInt8(ascii: "t"): skipWord("true", bytes, &index)
        case UInt8(ascii: "f"): skipWord("false", bytes, &index)
        case UInt8(ascii: "n"): skipWord("null", bytes, &index)
        default: skipNumber(bytes, &index)
        }
    }

    private static func skipWord(_ word: String, _ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
        for byte in word.utf8 {
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
        }
        return true
    }

    private static func skipNumber(_ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
        let start = index
        if index < bytes.count, bytes[index] == UInt8(ascii: "-") { index += 1 }
        let first = index
        guard skipDigits(bytes, &index) else { return false }
        guard bytes[first] != UInt8(ascii: "0") || index == first + 1 else {
            index = first + 1
            return false
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            guard skipDigits(bytes, &index) else { return false }
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < bytes.count, "+-".utf8.contains(bytes[index]) { index += 1 }
            guard skipDigits(bytes, &index) else { return false }
        }
        let text = String(decoding: (start..<index).map { bytes[$0] }, as: UTF8.self)
        guard Double(text)?.isFinite == true else {
            index = start
            return false
        }
        return true
    }

    private static func skipDigits(_ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
        let start = index
        while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
        return index > start
    }

    /// Stops at the quote after the string, or at its first byte that may not stand there.
    private static func skipString(_ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
        index += 1
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return true
            case UInt8(ascii: "\\"):
                guard skipEscape(bytes, &index) else { return false }
            case 0x00..<0x20: return false
            default: index += 1
            }
        }
        return false
    }

    private static func skipEscape(_ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
        let start = index
        guard index + 1 < bytes.count else {
            index = bytes.count
            return false
        }
        guard bytes[index + 1] == UInt8(ascii: "u") else {
            guard "\"\\/bfnrt".utf8.contains(bytes[index + 1]) else { return false }
            index += 2
            return true
        }
        guard let unit = codeUnit(bytes, at: index + 2) else { return false }
        index += 6
        switch unit {
        case 0xD800...0xDBFF:
            guard index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u"),
                let low = codeUnit(bytes, at: index + 2), (0xDC00...0xDFFF).contains(low)
            else {
                index = start
                return false
            }
            index += 6
            return true
        case 0xDC00...0xDFFF:
            index = start
            return false
        default: return true
        }
    }

    private static func codeUnit(_ bytes: Span<UInt8>, at start: Int) -> Int? {
        guard start + 4 <= bytes.count else { return nil }
        var value = 0
        for index in start..<start + 4 {
            guard let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue else { return nil }
            value = value * 16 + digit
        }
        return value
    }
}
