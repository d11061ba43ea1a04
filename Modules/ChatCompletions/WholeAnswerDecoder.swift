internal import Core
internal import JSON
internal import Providers

/// Reads an answer that is one JSON object.
struct WholeAnswerDecoder: DeltaDecoder, Sendable {
    private var chunks: ChunkReader
    private var body = WholeBody()

    init(_ chunks: ChunkReader) { self.chunks = chunks }

    /// Half an object says nothing.
    var isComplete: Bool { false }

    mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        try body.append(bytes)
    }

    mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        let answer = try body.parsed()
        try chunks.read(answer, into: &deltas)
        guard answer.exists(at: "/choices/0") else { throw .provider(.providerProtocol) }
        chunks.complete()
        chunks.end(into: &deltas)
    }
}
