/// Finds the end of a request's head while it arrives, and refuses what smuggles.
///
/// The parser behind it is lenient about line ends in places; a proxy in front may read them otherwise, and two readers
/// of one request that disagree are how requests are smuggled (RFC 9112, sections 2.2 and 11.2).
struct HeadScanner {
    enum Result: Equatable {
        case incomplete
        /// The head with its empty line is this long.
        case complete(length: Int)
        case refused(Refusal)
    }

    enum Refusal: Equatable {
        case bareLineFeed, bareCarriageReturn, controlCharacter, folding, namelessField
        case urlTooLong, headTooLarge, tooManyFields
    }

    private let maxBytes: Int
    private let maxFields: Int
    private let maxRequestLine: Int
    private var scanned = 0
    private var lines = 0
    private var lineStart = 0
    private var sawReturn = false

    init(_ settings: HTTPServerSettings) {
        maxBytes = settings.maxHeaderBytes
        maxFields = settings.maxHeaders
        // Besides the target, the longest method and the version stand on the line.
        maxRequestLine = settings.maxURLBytes + 32
    }

    /// Goes on where the last call ended; `bytes` start with the first byte of the request line each time.
    mutating func scan(_ bytes: Span<UInt8>) -> Result {
        while scanned < bytes.count {
            let byte = bytes[scanned]
            if sawReturn {
                guard byte == 0x0A else { return .refused(.bareCarriageReturn) }
                sawReturn = false
                scanned += 1
                if scanned > maxBytes { return .refused(.headTooLarge) }
                if scanned - lineStart == 2 { return .complete(length: scanned) }
                lines += 1
                lineStart = scanned
                if lines > maxFields + 1 { return .refused(.tooManyFields) }
                continue
            }
            switch byte {
            case 0x0D: sawReturn = true
            case 0x0A: return .refused(.bareLineFeed)
            case 0x20, 0x09:
                if scanned == lineStart, lines > 0 { return .refused(.folding) }
                if byte == 0x09, lines == 0 { return .refused(.controlCharacter) }
            case 0x3A:
                if scanned == lineStart, lines > 0 { return .refused(.namelessField) }
            case 0x00..<0x20, 0x7F: return .refused(.controlCharacter)
            default: break
            }
            scanned += 1
            if lines == 0, scanned > maxRequestLine { return .refused(.urlTooLong) }
            if scanned > maxBytes { return .refused(.headTooLarge) }
        }
        return .incomplete
    }
}

extension HeadScanner.Refusal {
    var error: HTTPError {
        switch self {
        case .bareLineFeed: .malformed("A line ends without a carriage return.")
        case .bareCarriageReturn: .malformed("A carriage return stands alone.")
        case .controlCharacter: .malformed("The head holds a control character.")
        case .folding: .malformed("Folded header lines are not accepted.")
        case .namelessField: .malformed("A header field has no name.")
        case .urlTooLong: HTTPError(414, code: "url_too_long", "The URL is too long.")
        case .headTooLarge: HTTPError(431, code: "header_too_large", "The header is too large.")
        case .tooManyFields: HTTPError(431, code: "too_many_headers", "The request has too many header fields.")
        }
    }
}
