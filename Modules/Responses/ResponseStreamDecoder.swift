internal import Core
internal import JSON
internal import Providers

/// Reads an answer that comes as server-sent events, of which the last carries the whole response once more.
///
/// There is no marker of the end besides `response.completed` and its like, and events that are not known are many.
struct ResponseStreamDecoder: DeltaDecoder, Sendable {
    private var events = ServerSentEventDecoder(mode: .provider)
    private var reader: ResponseEventReader

    init(_ provider: String) { reader = ResponseEventReader(provider: provider) }

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
        _ data: Span<UInt8>, _ type: String, _ reader: inout ResponseEventReader, isEnd: Bool,
        into deltas: inout [Delta]
    ) throws(PlatformError) {
        guard !reader.isComplete else { return }
        let event: JSONDocument
        do throws(JSONError) {
            event = try JSONDocument(parsing: data)
        } catch {
            // Gateways add the marker of another dialect; it says nothing here.
            if isDoneMarker(data) { return }
            throw .provider(isEnd ? .providerTruncated : .providerProtocol, cause: error)
        }
        if type == "json", !event.exists(at: "/type"), event.exists(at: "/output") {
            // A whole response without its content type.
            try reader.readWhole(event.value(), into: &deltas)
        } else {
            try reader.read(event, isError: type == "error" || type == "json", into: &deltas)
        }
    }

    /// Whether the data is `[DONE]`; as JSON that is no value.
    private static func isDoneMarker(_ data: Span<UInt8>) -> Bool {
        var text: [UInt8] = []
        for index in data.indices where data[index] > 0x20 {
            text.append(data[index])
            if text.count > 6 { return false }
        }
        return text.elementsEqual("[DONE]".utf8)
    }
}
