internal import Core
internal import JSON
internal import Providers

/// Reads an answer that comes as server-sent events, ended by `[DONE]`.
struct StreamDecoder: DeltaDecoder, Sendable {
    private var events = ServerSentEventDecoder(mode: .provider)
    private var chunks: ChunkReader
    private var isDone = false

    init(_ chunks: ChunkReader) { self.chunks = chunks }

    var isComplete: Bool { isDone || chunks.finish != nil }

    mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        // The closure changes the reader while the event decoder changes itself, so they must be two variables.
        var (chunks, isDone) = (self.chunks, self.isDone)
        defer { (self.chunks, self.isDone) = (chunks, isDone) }
        try events.decode(bytes) { (type, _, data) throws(PlatformError) in
            try Self.read(data, type, &chunks, &isDone, isEnd: false, into: &deltas)
        }
    }

    mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        var (chunks, isDone) = (self.chunks, self.isDone)
        defer { (self.chunks, self.isDone) = (chunks, isDone) }
        try events.finish { (type, _, data) throws(PlatformError) in
            try Self.read(data, type, &chunks, &isDone, isEnd: true, into: &deltas)
        }
        let isComplete = isDone || chunks.finish != nil
        chunks.end(into: &deltas)
        if !isComplete { throw .provider(.providerTruncated) }
    }

    private static func read(
        _ data: Span<UInt8>, _ type: String, _ chunks: inout ChunkReader, _ isDone: inout Bool, isEnd: Bool,
        into deltas: inout [Delta]
    ) throws(PlatformError) {
        guard !isDone else { return }
        if isDoneMarker(data) {
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
