internal import Core
internal import JSON
internal import Providers

/// Reads the answer of ConverseStream.
struct ConverseStreamDecoder: DeltaDecoder, Sendable {
    private var messages = EventStreamDecoder()
    private var reader: ConverseReader

    init(_ reader: ConverseReader) { self.reader = reader }

    var isComplete: Bool { reader.isComplete }

    mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        // The closure changes the reader while the message decoder changes itself, so they must be two variables.
        var reader = self.reader
        defer { self.reader = reader }
        do throws(PlatformError) {
            try messages.decode(bytes) { (head, payload) throws(PlatformError) in
                try reader.read(head, payload, into: &deltas)
            }
        } catch {
            reader.end(into: &deltas)
            throw error
        }
    }

    mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        reader.end(into: &deltas)
        if !reader.isComplete { throw .provider(.providerTruncated) }
    }
}

/// Reads the answer of Converse, which is one JSON object.
struct ConverseAnswerDecoder: DeltaDecoder, Sendable {
    private var reader: ConverseReader
    private var body: [UInt8] = []

    init(_ reader: ConverseReader) { self.reader = reader }

    /// Half an object says nothing.
    var isComplete: Bool { false }

    mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        guard body.count + bytes.count <= EventStreamDecoder.maximumMessageBytes else {
            throw .provider(.providerProtocol)
        }
        body.append(addingCapacity: bytes.count) { output in
            for index in bytes.indices { output.append(bytes[index]) }
        }
    }

    mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        let answer: JSONDocument
        do throws(JSONError) {
            answer = try JSONDocument(parsing: body.span)
        } catch {
            throw .provider(error.offset == body.count ? .providerTruncated : .providerProtocol, cause: error)
        }
        try reader.read(whole: answer, into: &deltas)
    }
}
