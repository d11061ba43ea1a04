internal import Core
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
