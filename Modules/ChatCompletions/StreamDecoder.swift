internal import Core
internal import JSON
internal import Providers

/// Reads an answer that comes as server-sent events, ended by `[DONE]`.
struct StreamDecoder: DeltaDecoder, Sendable {
    private var events = ServerSentEventDecoder(mode: .provider)
    private var answer: Reading

    init(_ chunks: ChunkReader) { answer = Reading(chunks: chunks) }

    var isComplete: Bool { answer.isComplete }

    mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        try Self.decode(bytes, &events, &answer, into: &deltas)
    }

    /// The event decoder changes itself while its callback changes the reader: two variables, not parts of one.
    private static func decode(
        _ bytes: Span<UInt8>, _ events: inout ServerSentEventDecoder, _ answer: inout Reading,
        into deltas: inout [Delta]
    ) throws(PlatformError) {
        try events.decode(bytes) { (type, _, data) throws(PlatformError) in
            try answer.read(data, type, isEnd: false, into: &deltas)
        }
    }

    mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        try Self.finish(&events, &answer, into: &deltas)
        let isComplete = answer.isComplete
        answer.chunks.end(into: &deltas)
        if !isComplete { throw .provider(.providerTruncated) }
    }

    private static func finish(
        _ events: inout ServerSentEventDecoder, _ answer: inout Reading, into deltas: inout [Delta]
    ) throws(PlatformError) {
        try events.finish { (type, _, data) throws(PlatformError) in
            try answer.read(data, type, isEnd: true, into: &deltas)
        }
    }
}

/// How far an answer has been read.
private struct Reading: Sendable {
    var chunks: ChunkReader
    private var isDone = false

    init(chunks: ChunkReader) { self.chunks = chunks }

    var isComplete: Bool { isDone || chunks.finish != nil }

    /// Reads one event.
    mutating func read(
        _ data: Span<UInt8>, _ type: String, isEnd: Bool, into deltas: inout [Delta]
    ) throws(PlatformError) {
        guard !isDone else { return }
        if Self.isDoneMarker(data) {
            isDone = true
            chunks.complete()
            return chunks.end(into: &deltas)
        }
        let object: JSONDocument
        do throws(JSONError) {
            object = try JSONDocument(parsing: data)
        } catch {
            // What has no end because the body has none is cut off; anything else is not of this dialect.
            chunks.end(into: &deltas)
            throw .provider(isEnd ? .providerTruncated : .providerProtocol, cause: error)
        }
        guard type == "json" else { return try chunks.read(object, isError: type == "error", into: &deltas) }
        // An object that stands in the stream as it is: an error, or a whole answer without its content type.
        try chunks.read(object, isError: !object.exists(at: "/choices"), into: &deltas)
        chunks.complete()
    }

    /// Whether an event's data begins with `[DONE]`, white space aside.
    private static func isDoneMarker(_ data: Span<UInt8>) -> Bool {
        var index = 0
        while index < data.count, data[index] <= 0x20 { index += 1 }
        guard index + 6 <= data.count, data[index] == UInt8(ascii: "[") else { return false }
        for (offset, byte) in "[DONE]".utf8.enumerated() where data[index + offset] != byte { return false }
        return true
    }
}
