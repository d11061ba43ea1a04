public import Core
public import JSON

/// Makes sense of one event of a streamed answer after the other: what a dialect of server-sent events has of its own.
///
/// ``EventAnswerDecoder`` does the rest. On the token path: look up what is needed, and build nothing else.
public protocol AnswerEventReader: Sendable {
    /// Whether the answer has said that it is finished.
    var isComplete: Bool { get }

    /// Whether what comes now is no part of the answer and is passed over; once it is complete, where nothing is said.
    var isOver: Bool { get }

    /// Appends what one event says; what is not known says nothing.
    ///
    /// The name is what the stream calls the event: `message` where it says nothing, `json` for an object that stands
    /// there as it is, without `data:`, which is mostly an error.
    ///
    /// - Throws: ``Core/PlatformError``: the error that the event tells of.
    mutating func read(
        _ event: borrowing JSONDocument, named name: String, into deltas: inout [Delta]
    ) throws(PlatformError)

    /// Reads the marker `[DONE]`, which says nothing unless a dialect ends its answers with it.
    mutating func readDone(into deltas: inout [Delta])

    /// Appends what was held back, such as the reason to finish; called when nothing more comes, perhaps more than once.
    mutating func end(into deltas: inout [Delta])
}

extension AnswerEventReader {
    @inlinable
    public var isOver: Bool { isComplete }

    @inlinable
    public mutating func readDone(into deltas: inout [Delta]) {}

    @inlinable
    public mutating func end(into deltas: inout [Delta]) {}
}

/// Reads an answer that comes as server-sent events, each with one JSON text, for every dialect that does so.
///
/// Specialized where it is used, since it stands on the token path.
public struct EventAnswerDecoder<Reader: AnswerEventReader>: DeltaDecoder, Sendable {
    @usableFromInline var events: ServerSentEventDecoder
    @usableFromInline var reader: Reader

    @inlinable
    public init(_ reader: Reader) {
        events = ServerSentEventDecoder(mode: .provider)
        self.reader = reader
    }

    @inlinable
    public var isComplete: Bool { reader.isComplete }

    @inlinable
    public mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        try Self.decode(bytes, &events, &reader, into: &deltas)
    }

    /// The event decoder changes itself while its callback changes the reader: two variables, not parts of one.
    @inlinable
    static func decode(
        _ bytes: Span<UInt8>, _ events: inout ServerSentEventDecoder, _ reader: inout Reader,
        into deltas: inout [Delta]
    ) throws(PlatformError) {
        try events.decode(bytes) { (name, _, data) throws(PlatformError) in
            try read(data, name, &reader, isEnd: false, into: &deltas)
        }
    }

    @inlinable
    public mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        do throws(PlatformError) {
            try Self.finish(&events, &reader, into: &deltas)
        } catch {
            // A character that is cut in two, as the body is.
            guard error.cause is ServerSentEventError else { throw error }
        }
        let isComplete = reader.isComplete
        reader.end(into: &deltas)
        if !isComplete { throw .provider(.providerTruncated) }
    }

    @inlinable
    static func finish(
        _ events: inout ServerSentEventDecoder, _ reader: inout Reader, into deltas: inout [Delta]
    ) throws(PlatformError) {
        try events.finish { (name, _, data) throws(PlatformError) in
            try read(data, name, &reader, isEnd: true, into: &deltas)
        }
    }

    @inlinable
    static func read(
        _ data: Span<UInt8>, _ name: String, _ reader: inout Reader, isEnd: Bool, into deltas: inout [Delta]
    ) throws(PlatformError) {
        guard !reader.isOver else { return }
        if isDoneMarker(data) { return reader.readDone(into: &deltas) }
        let event: JSONDocument
        do throws(JSONError) {
            event = try JSONDocument(parsing: data)
        } catch {
            // What has no end because the body has none is cut off, and says nothing; anything else is no event.
            guard !isEnd else { return }
            reader.end(into: &deltas)
            throw .provider(.providerProtocol, cause: error)
        }
        try reader.read(event, named: name, into: &deltas)
    }

    /// Whether an event's data begins with `[DONE]`, white space aside.
    @inlinable
    static func isDoneMarker(_ data: Span<UInt8>) -> Bool {
        var index = 0
        while index < data.count, data[index] <= 0x20 { index += 1 }
        guard index + 6 <= data.count, data[index] == UInt8(ascii: "[") else { return false }
        for (offset, byte) in "[DONE]".utf8.enumerated() where data[index + offset] != byte { return false }
        return true
    }
}
