/// Integers of any length, made readable for a parser that knows 64 bits.
enum BigIntegers {
    /// The same text with `e0` behind every whole number of 19 digits or more, so that it reads as a double.
    ///
    /// Only for texts that failed to parse as they are: what was wrong with them otherwise is still wrong after.
    static func asDoubles(_ bytes: Span<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + 16)
        var index = 0
        while index < bytes.count {
            let end: Int
            switch bytes[index] {
            case UInt8(ascii: "\""):
                end = endOfString(bytes, from: index)
                for place in index..<end { output.append(bytes[place]) }
            case 0x30...0x39:
                end = endOfNumber(bytes, from: index)
                var isWhole = true
                for place in index..<end {
                    isWhole = isWhole && (0x30...0x39).contains(bytes[place])
                    output.append(bytes[place])
                }
                if isWhole, end - index >= 19 { output += [UInt8(ascii: "e"), UInt8(ascii: "0")] }
            default:
                end = index + 1
                output.append(bytes[index])
            }
            index = end
        }
        return output
    }

    private static func endOfString(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start + 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index + 1, bytes.count)
    }

    private static func endOfNumber(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case 0x30...0x39, UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"),
                UInt8(ascii: "-"):
                index += 1
            default: return index
            }
        }
        return index
    }
}
