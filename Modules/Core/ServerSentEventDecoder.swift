/// Reads server-sent events out of bytes that arrive in any pieces (WHATWG HTML, section 9.2.6).
///
/// Each byte is looked at once. A line that lies whole within one piece is never copied, and an event whose only data
/// line does is handed over as a view into that piece. Memory is bounded by ``maximumEventBytes``.
///
/// After an error, whether its own or the callback's, the decoder is of no further use.
public struct ServerSentEventDecoder: Sendable {
    /// Which of the two readings applies.
    public enum Mode: Sendable, Hashable {
        /// The standard to the letter: what no blank line ends is dropped, invalid UTF-8 becomes U+FFFD.
        case standard
        /// What model providers send.
        ///
        /// The last event needs no blank line; events with empty data are skipped; JSON that stands in the stream
        /// without `data:` (an error in mid-answer) is collected until its brackets are closed and handed over as an
        /// event of type `json`; invalid UTF-8 is an error.
        case provider
    }

    public let mode: Mode
    /// The most bytes an event's data, or a line still incomplete, may have.
    public let maximumEventBytes: Int

    /// Lines read so far, comments and blank ones included: any change is a sign of life.
    public private(set) var lines = 0
    /// Comments read so far.
    public private(set) var comments = 0
    /// The last wait before reconnecting that the server asked for.
    public private(set) var retry: Duration?
    /// The id to send as `Last-Event-ID`: that of the last event that was ended by its blank line.
    public private(set) var lastEventID = ""

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var type = ""
    private var id = ""
    private var skipsLineFeed = false
    private var byteOrderMarkBytes: Int? = 0
    private var stray = StrayJSON()

    public init(mode: Mode = .standard, maximumEventBytes: Int = 16 << 20) {
        self.mode = mode
        self.maximumEventBytes = maximumEventBytes
    }

    /// Reads the next piece of the body.
    ///
    /// The bytes may be cut anywhere. `onEvent` is called for each event that is complete, in order. The type is
    /// `message` where the server gave none; the id is the last one given, by this event or one before; the data is
    /// valid UTF-8 and gone after the call.
    /// - Throws: what `onEvent` throws, or the decoder's own error as an `E`.
    public mutating func decode<E: ServerSentEventFailure>(
        _ bytes: Span<UInt8>,
        _ onEvent: (_ type: String, _ id: String, _ data: Span<UInt8>) throws(E) -> Void
    ) throws(E) {
        var index = skipByteOrderMark(bytes)
        var start = index
        // Where in `bytes` the only data line of the event now being read lies, until that has to be copied.
        var view: Range<Int>?
        while true {
            index = bytes.lineEnd(from: index)
            guard index < bytes.count else { break }
            let byte = bytes[index]
            index += 1
            if skipsLineFeed && byte == 0x0A && index == start + 1 {
                skipsLineFeed = false
                start = index
                continue
            }
            skipsLineFeed = byte == 0x0D
            if line.isEmpty {
                try take(start..<index - 1, of: bytes, &view, onEvent)
            } else {
                try takeJoined(with: bytes.extracting(start..<index - 1), bytes, &view, onEvent)
            }
            start = index
        }
        spill(&view, of: bytes)
        guard start < bytes.count else { return }
        skipsLineFeed = false
        if let error = oversize(line.count + bytes.count - start) { throw E(error) }
        line.append(copying: bytes.extracting(start..<bytes.count))
    }

    /// Reads the next piece of the body for a callback that throws nothing.
    public mutating func decode(
        _ bytes: Span<UInt8>, _ onEvent: (_ type: String, _ id: String, _ data: Span<UInt8>) -> Void
    ) throws(ServerSentEventError) {
        try decode(bytes) { (type, id, data) throws(ServerSentEventError) in onEvent(type, id, data) }
    }

    /// Reads the end of the body.
    ///
    /// In ``Mode/standard`` nothing comes of it; in ``Mode/provider`` a last event without its blank line does, and
    /// JSON that was being collected, whole or not.
    /// - Throws: as `decode` does.
    public mutating func finish<E: ServerSentEventFailure>(
        _ onEvent: (_ type: String, _ id: String, _ data: Span<UInt8>) throws(E) -> Void
    ) throws(E) {
        guard mode == .provider else { return }
        if let count = byteOrderMarkBytes, count > 0 { line = Array(Self.byteOrderMark[..<count]) }
        byteOrderMarkBytes = nil
        let none: [UInt8] = []
        var view: Range<Int>?
        if !line.isEmpty { try takeJoined(with: none.span, none.span, &view, onEvent) }
        if stray.isCollecting { try deliverStray(onEvent) }
        try dispatch(&view, of: none.span, onEvent)
    }

    /// Reads the end of the body for a callback that throws nothing.
    public mutating func finish(
        _ onEvent: (_ type: String, _ id: String, _ data: Span<UInt8>) -> Void
    ) throws(ServerSentEventError) {
        try finish { (type, id, data) throws(ServerSentEventError) in onEvent(type, id, data) }
    }
}

/// What is wrong with a body of server-sent events.
public enum ServerSentEventError: Error, Sendable, Hashable {
    /// An event or line has more than this many bytes.
    case eventTooLarge(limit: Int)
    /// A line is not UTF-8; in ``ServerSentEventDecoder/Mode/provider`` alone.
    case invalidUTF8
}

/// An error that a ``ServerSentEventDecoder``'s own errors can be told as, so that one `catch` is enough.
public protocol ServerSentEventFailure: Error {
    init(_ error: ServerSentEventError)
}

extension ServerSentEventError: ServerSentEventFailure {
    public init(_ error: ServerSentEventError) { self = error }
}

extension PlatformError: ServerSentEventFailure {
    /// An unreadable body is the provider's fault: code `providerProtocol`.
    public init(_ error: ServerSentEventError) {
        self.init(
            .providerProtocol, "The model's answer could not be read. Please try again.", cause: error)
    }
}

extension ServerSentEventDecoder {
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// - Returns: where the body's first line begins in `bytes`; the mark itself may come in up to three pieces.
    private mutating func skipByteOrderMark(_ bytes: Span<UInt8>) -> Int {
        guard var count = byteOrderMarkBytes else { return 0 }
        var index = 0
        while index < bytes.count, count < 3, bytes[index] == Self.byteOrderMark[count] {
            index += 1
            count += 1
        }
        if count == 3 {
            byteOrderMarkBytes = nil
        } else if index == bytes.count {
            byteOrderMarkBytes = count
        } else {
            // It only began like one: what was held back belongs to the first line.
            line = Array(Self.byteOrderMark[..<count])
            byteOrderMarkBytes = nil
        }
        return index
    }

    private func oversize(_ count: Int) -> ServerSentEventError? {
        count > maximumEventBytes ? .eventTooLarge(limit: maximumEventBytes) : nil
    }

    /// Copies the data line that was only pointed at, because its piece is about to go or another line follows.
    private mutating func spill(_ view: inout Range<Int>?, of bytes: Span<UInt8>) {
        guard let range = view else { return }
        data.append(copying: bytes.extracting(range))
        view = nil
    }

    /// One line, the first part of which came with earlier pieces.
    private mutating func takeJoined<E: ServerSentEventFailure>(
        with rest: Span<UInt8>, _ bytes: Span<UInt8>, _ view: inout Range<Int>?,
        _ onEvent: (_ type: String, _ id: String, _ data: Span<UInt8>) throws(E) -> Void
    ) throws(E) {
        if let error = oversize(line.count + rest.count) { throw E(error) }
        spill(&view, of: bytes)
        line.append(copying: rest)
        var joined: [UInt8] = []
        swap(&joined, &line)
        var inLine: Range<Int>?
        try take(0..<joined.count, of: joined.span, &inLine, onEvent)
        spill(&inLine, of: joined.span)
        // The storage is kept for the next line that comes in pieces.
        joined.removeAll(keepingCapacity: joined.count < 1 << 16)
        swap(&joined, &line)
    }

    /// One line without its end.
    private mutating func take<E: ServerSentEventFailure>(
        _ range: Range<Int>, of bytes: Span<UInt8>, _ view: inout Range<Int>?,
        _ onEvent: (_ type: String, _ id: String, _ data: Span<UInt8>) throws(E) -> Void
    ) throws(E) {
        lines &+= 1
        if range.isEmpty { return try dispatch(&view, of: bytes, onEvent) }
        let text = bytes.extracting(range)
        if text[0] == 0x3A {
            comments &+= 1
            return
        }
        guard (try? UTF8Span(validating: text)) != nil else {
            guard mode == .standard else { throw E(.invalidUTF8) }
            spill(&view, of: bytes)
            let repaired = Array(String(decoding: Array(copying: text), as: UTF8.self).utf8)
            var inLine: Range<Int>?
            try takeField(0..<repaired.count, of: repaired.span, &inLine, onEvent)
            return spill(&inLine, of: repaired.span)
        }
        try takeField(range, of: bytes, &view, onEvent)
    }

    private mutating func takeField<E: ServerSentEventFailure>(
        _ range: Range<Int>, of bytes: Span<UInt8>, _ view: inout Range<Int>?,
        _ onEvent: (_ type: String, _ id: String, _ data: Span<UInt8>) throws(E) -> Void
    ) throws(E) {
        let line = bytes.extracting(range)
        var colon = 0
        while colon < line.count, line[colon] != 0x3A {
            colon += 1
            // No field that counts has a longer name, and a line of megabytes may have no colon at all.
            if colon > 5 { break }
        }
        var value = min(colon + 1, line.count)
        if value < line.count, line[value] == 0x20 { value += 1 }
        if line.hasName("data", colon) {
            let valueRange = range.lowerBound + value..<range.upperBound
            if hasData {
                spill(&view, of: bytes)
                if let error = oversize(data.count + 1 + valueRange.count) { throw E(error) }
                data.append(0x0A)
                data.append(copying: bytes.extracting(valueRange))
            } else {
                if let error = oversize(valueRange.count) { throw E(error) }
                hasData = true
                view = valueRange
            }
        } else if line.hasName("event", colon) {
            let name = line.extracting(value..<line.count)
            // Providers repeat a few long names: one String serves them all.
            if !name.equals(type.utf8Span.span) { type = String(decoding: Array(copying: name), as: UTF8.self) }
        } else if line.hasName("id", colon) {
            let text = line.extracting(value..<line.count)
            if !text.contains(0) { id = String(decoding: Array(copying: text), as: UTF8.self) }
        } else if line.hasName("retry", colon) {
            if let milliseconds = line.extracting(value..<line.count).decimal { retry = .milliseconds(milliseconds) }
        } else if mode == .provider, stray.isCollecting || StrayJSON.begins(with: line) {
            try dispatch(&view, of: bytes, onEvent)
            if let error = oversize(stray.bytes.count + line.count + 1) { throw E(error) }
            if stray.take(line) { try deliverStray(onEvent) }
        }
    }

    /// Hands over the event that a blank line ended.
    private mutating func dispatch<E: ServerSentEventFailure>(
        _ view: inout Range<Int>?, of bytes: Span<UInt8>,
        _ onEvent: (_ type: String, _ id: String, _ data: Span<UInt8>) throws(E) -> Void
    ) throws(E) {
        lastEventID = id
        let isWanted = hasData
        hasData = false
        defer { type.removeAll() }
        guard isWanted else { return }
        let name = type.isEmpty ? "message" : type
        if let range = view {
            view = nil
            if mode == .provider && range.isEmpty { return }
            return try onEvent(name, id, bytes.extracting(range))
        }
        defer { data.removeAll(keepingCapacity: data.count < 1 << 16) }
        if mode == .provider && data.isEmpty { return }
        try onEvent(name, id, data.span)
    }

    private mutating func deliverStray<E: ServerSentEventFailure>(
        _ onEvent: (_ type: String, _ id: String, _ data: Span<UInt8>) throws(E) -> Void
    ) throws(E) {
        defer { stray = StrayJSON() }
        try onEvent("json", id, stray.bytes.span)
    }
}
