internal import Core
internal import JSON
internal import Providers

/// Reads an answer that is one JSON text: an object, or the array of chunks that a stream is without `alt=sse`.
struct GeminiWholeDecoder: DeltaDecoder, Sendable {
    private var reader: GeminiReader
    private var body: [UInt8] = []

    /// As much as one event of a stream may have.
    private static let maximumBytes = 16 << 20

    init(_ reader: GeminiReader) { self.reader = reader }

    /// Half a text says nothing.
    var isComplete: Bool { false }

    mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        guard body.count + bytes.count <= Self.maximumBytes else { throw .provider(.providerProtocol) }
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
        let chunks = answer.elements(of: answer.root)
        for chunk in chunks.isEmpty ? [answer.root] : chunks {
            try reader.read(answer, at: chunk, into: &deltas)
            guard GeminiReader.isAnswer(answer, chunk) else { throw .provider(.providerProtocol) }
        }
        let isComplete = reader.finish != nil
        reader.end(into: &deltas)
        if !isComplete { throw .provider(.providerTruncated) }
    }
}
