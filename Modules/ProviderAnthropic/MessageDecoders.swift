internal import Core
internal import JSON
internal import Providers

/// Reads an answer that comes as server-sent events, ended by `message_stop`.
struct MessageStreamDecoder: DeltaDecoder, Sendable {
    private var events = ServerSentEventDecoder(mode: .provider)
    private var reader: MessageReader

    init(_ reader: MessageReader) { self.reader = reader }

    var isComplete: Bool { reader.isComplete }

    mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        // The closure changes the reader while the event decoder changes itself, so they must be two variables.
        var reader = self.reader
        defer { self.reader = reader }
        try events.decode(bytes) { (type, _, data) throws(PlatformError) in
            try Self.read(data, type, &reader, isEnd: false, into: &deltas)
        }
    }

    mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        var reader = self.reader
        defer { self.reader = reader }
        try events.finish { (type, _, data) throws(PlatformError) in
            try Self.read(data, type, &reader, isEnd: true, into: &deltas)
        }
        if !reader.isComplete { throw .provider(.providerTruncated) }
    }

    private static func read(
        _ data: Span<UInt8>, _ type: String, _ reader: inout MessageReader, isEnd: Bool, into deltas: inout [Delta]
    ) throws(PlatformError) {
        guard !reader.isComplete else { return }
        let event: JSONDocument
        do throws(JSONError) {
            event = try JSONDocument(parsing: data)
        } catch {
            // What has no end because the body has none is cut off; anything else is not of this dialect.
            throw .provider(isEnd ? .providerTruncated : .providerProtocol, cause: error)
        }
        try reader.read(event, type, into: &deltas)
    }
}

/// Reads an answer that is one message.
struct WholeMessageDecoder: DeltaDecoder, Sendable {
    private var reader: MessageReader
    private var body = WholeBody()

    init(_ reader: MessageReader) { self.reader = reader }

    /// Half a message says nothing.
    var isComplete: Bool { false }

    mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        try body.append(bytes)
    }

    mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        try reader.readWhole(try body.parsed(), into: &deltas)
    }
}
