/// The one form of a request line that all readers agree on (RFC 9112, section 3).
///
/// The parser behind it takes several blanks between the parts, and RTSP and ICE for protocols.
enum RequestLine {
    private enum Part {
        case method, target, version
    }

    /// Whether the line is a token, a blank, a target of visible characters, a blank, and `HTTP/` with two digits.
    ///
    /// Which methods and versions there are is the parser's affair.
    static func isWellFormed(_ head: Span<UInt8>) -> Bool {
        var part = Part.method
        var start = 0
        var position = 0
        while position < head.count, head[position] != 0x0D {
            let byte = head[position]
            switch part {
            case .method, .target:
                if byte == 0x20 {
                    guard position > start else { return false }
                    part = part == .method ? .target : .version
                    start = position + 1
                } else {
                    guard part == .target ? byte > 0x20 : isToken(byte) else { return false }
                }
            case .version: break
            }
            position += 1
        }
        return part == .version && isVersion(head.extracting(start..<position))
    }

    private static func isVersion(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count == 8, bytes[6] == 0x2E else { return false }
        for (index, expected) in "HTTP/".utf8.enumerated() where bytes[index] != expected { return false }
        return isDigit(bytes[5]) && isDigit(bytes[7])
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// A character of a token (RFC 9110, section 5.6.2).
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
        default: false
        }
    }
}
