/// Checks the framing of a chunked body before the parser reads it, and bounds what is no data.
///
/// The parser counts neither the bytes of chunk extensions nor those of trailers; and where two readers of one request
/// may disagree about its end, only the one form that all agree on is taken (RFC 9112, section 7.1).
struct ChunkScanner {
    private enum State {
        case size, extensions, sizeEnd
        case data, dataReturn, dataEnd
        case trailerStart, trailer, trailerEnd, lastEnd
        case complete
    }

    private let maxBodyBytes: Int
    private let maxTrailerBytes: Int
    private var state = State.size
    private var size = 0
    private var bodyBytes = 0
    /// Bytes of the present size line, or of all trailers.
    private var overhead = 0

    /// Of a chunk's size with its extensions; far more than anything in use needs.
    private static let maxSizeLine = 256
    private static let maxSizeDigits = 16

    init(_ settings: HTTPServerSettings) {
        maxBodyBytes = settings.maxBodyBytes
        maxTrailerBytes = settings.maxHeaderBytes
    }

    /// Goes on where the last call ended.
    ///
    /// - Returns: how many of the bytes belong to the body; what follows is the next request's.
    mutating func scan(_ bytes: Span<UInt8>) throws(HTTPError) -> Int {
        var position = 0
        while position < bytes.count, state != .complete {
            if state == .data {
                let count = min(size, bytes.count - position)
                position += count
                size -= count
                if size == 0 { state = .dataReturn }
            } else {
                try step(bytes[position])
                position += 1
            }
        }
        return position
    }

    private mutating func step(_ byte: UInt8) throws(HTTPError) {
        switch state {
        case .size: try readSize(byte)
        case .extensions:
            try count(byte, limit: Self.maxSizeLine)
            if byte == 0x0D { state = .sizeEnd } else { try requireText(byte) }
        case .sizeEnd:
            try require(byte, 0x0A)
            overhead = 0
            state = size == 0 ? .trailerStart : .data
        case .dataReturn:
            try require(byte, 0x0D)
            state = .dataEnd
        case .dataEnd:
            try require(byte, 0x0A)
            state = .size
        case .trailerStart:
            if byte == 0x0D {
                state = .lastEnd
            } else {
                // A blank here would fold the line before.
                guard byte != 0x20, byte != 0x09 else { throw HeadScanner.Refusal.folding.error }
                state = .trailer
                fallthrough
            }
        case .trailer:
            try count(byte, limit: maxTrailerBytes)
            if byte == 0x0D { state = .trailerEnd } else { try requireText(byte) }
        case .trailerEnd:
            try require(byte, 0x0A)
            state = .trailerStart
        case .lastEnd:
            try require(byte, 0x0A)
            state = .complete
        case .data, .complete: break
        }
    }

    private mutating func readSize(_ byte: UInt8) throws(HTTPError) {
        overhead += 1
        if let digit = PercentEncoding.digit(byte) {
            guard overhead <= Self.maxSizeDigits else { throw Self.malformed }
            // Beyond the limit the exact number says nothing more, and could overflow.
            size = min(size << 4 | Int(digit), Int(Int32.max))
            return
        }
        guard overhead > 1, byte == 0x0D || byte == 0x3B else { throw Self.malformed }
        bodyBytes += size
        guard bodyBytes <= maxBodyBytes else { throw HTTPError.bodyTooLarge(limit: maxBodyBytes) }
        state = byte == 0x0D ? .sizeEnd : .extensions
    }

    private mutating func count(_ byte: UInt8, limit: Int) throws(HTTPError) {
        overhead += 1
        guard overhead <= limit else { throw HeadScanner.Refusal.headTooLarge.error }
    }

    private func require(_ byte: UInt8, _ expected: UInt8) throws(HTTPError) {
        guard byte == expected else { throw Self.malformed }
    }

    private func requireText(_ byte: UInt8) throws(HTTPError) {
        guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { throw Self.malformed }
    }

    private static var malformed: HTTPError { .malformed("The chunks of the body are not well formed.") }
}
