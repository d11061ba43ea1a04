/// Writes server-sent events (WHATWG HTML, section 9.2) into bytes.
///
/// What is written here and read by ``ServerSentEventDecoder`` is the same event again, but for line ends within the
/// data, which all come back as LF: the format has no way to tell them apart.
public enum ServerSentEvent {
    /// Appends one event, blank line included.
    ///
    /// The id is what a reader that reconnects sends back; without a type the event is a `message`. CR, LF and NUL in
    /// either are left out, as they would end the line or make readers ignore the id. CR, LF and CRLF in the data each
    /// begin another line of it. `retry` is how long readers should wait before they reconnect, in whole milliseconds;
    /// left out when negative.
    public static func append(
        id: String? = nil, type: String? = nil, data: String, retry: Duration? = nil, to bytes: inout [UInt8]
    ) {
        append(id: id, type: type, data: data.utf8Span.span, retry: retry, to: &bytes)
    }

    /// Appends one event, blank line included, from data that is UTF-8 already.
    public static func append(
        id: String? = nil, type: String? = nil, data: Span<UInt8>, retry: Duration? = nil, to bytes: inout [UInt8]
    ) {
        if let retry { appendRetryLine(retry, to: &bytes) }
        if let id { appendLine("id: ", id, to: &bytes) }
        if let type { appendLine("event: ", type, to: &bytes) }
        appendLines("data: ", data, to: &bytes)
        bytes.append(0x0A)
    }

    /// Appends a comment, which readers skip, and a blank line for readers that look for those alone.
    public static func appendComment(_ text: String = "", to bytes: inout [UInt8]) {
        appendLines(text.isEmpty ? ":" : ": ", text.utf8Span.span, to: &bytes)
        bytes.append(0x0A)
    }

    /// Appends how long readers should wait before they reconnect, in whole milliseconds; nothing when negative.
    public static func appendRetry(_ delay: Duration, to bytes: inout [UInt8]) {
        guard delay >= .zero else { return }
        appendRetryLine(delay, to: &bytes)
        bytes.append(0x0A)
    }

    private static func appendRetryLine(_ delay: Duration, to bytes: inout [UInt8]) {
        guard delay >= .zero else { return }
        let (seconds, attoseconds) = delay.components
        let (milliseconds, overflows) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflows else { return }
        bytes.append(contentsOf: "retry: ".utf8)
        bytes.append(contentsOf: (milliseconds + attoseconds / 1_000_000_000_000_000).description.utf8)
        bytes.append(0x0A)
    }

    private static func appendLine(_ name: String, _ value: String, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: name.utf8)
        let text = value.utf8Span.span
        for index in text.indices where text[index] != 0x0A && text[index] != 0x0D && text[index] != 0 {
            bytes.append(text[index])
        }
        bytes.append(0x0A)
    }

    private static func appendLines(_ prefix: String, _ text: Span<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: prefix.utf8)
        var start = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            guard byte == 0x0A || byte == 0x0D else { continue }
            bytes.append(copying: text.extracting(start..<index - 1))
            bytes.append(0x0A)
            bytes.append(contentsOf: prefix.utf8)
            if byte == 0x0D, index < text.count, text[index] == 0x0A { index += 1 }
            start = index
        }
        bytes.append(copying: text.extracting(start..<text.count))
        bytes.append(0x0A)
    }
}

extension StreamEvent {
    /// Appends the event as one server-sent event of the default type, so that `EventSource.onmessage` sees it.
    public func appendServerSentEvent(id: EventID, to bytes: inout [UInt8]) {
        var writer = JSONWriter(appendingTo: consume bytes)
        writer.beginServerSentEvent(id: id)
        encode(into: &writer)
        writer.raw("\n\n")
        bytes = writer.bytes
    }
}

extension JSONWriter {
    /// Writes what stands before the JSON of an event on the wire, its id and `data:`.
    ///
    /// After the JSON, `raw("\n\n")` ends the event.
    public mutating func beginServerSentEvent(id: EventID) {
        raw("id: ")
        raw(id.stream.text)
        raw("-")
        value(id.offset)
        raw("\ndata: ")
    }
}
