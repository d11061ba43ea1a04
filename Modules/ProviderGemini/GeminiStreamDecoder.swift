internal import Core
internal import JSON
internal import Providers

/// Reads an answer that comes as server-sent events; no marker ends it but its finish reason.
struct GeminiStreamDecoder: DeltaDecoder, Sendable {
    private var events = ServerSentEventDecoder(mode: .provider)
    private var reader: GeminiReader

    init(_ reader: GeminiReader) { self.reader = reader }

    var isComplete: Bool { reader.finish != nil }

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
        let isComplete = reader.finish != nil
        reader.end(into: &deltas)
        if !isComplete { throw .provider(.providerTruncated) }
    }

    private static func read(
        _ data: Span<UInt8>, _ type: String, _ reader: inout GeminiReader, isEnd: Bool, into deltas: inout [Delta]
    ) throws(PlatformError) {
        let object: JSONDocument
        do throws(JSONError) {
            object = try JSONDocument(parsing: data)
        } catch {
            // What has no end because the body has none is cut off; anything else is not of this dialect.
            reader.end(into: &deltas)
            throw .provider(isEnd ? .providerTruncated : .providerProtocol, cause: error)
        }
        // An object that stands in the stream as it is, without `data:`, is how Google tells of an error there.
        let isBare = type == "json" ? !GeminiReader.isAnswer(object, object.root) : false
        try reader.read(object, at: object.root, isError: isBare || type == "error", into: &deltas)
    }
}
