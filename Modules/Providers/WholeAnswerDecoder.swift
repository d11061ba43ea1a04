public import Core
public import JSON

/// Makes sense of an answer that is one JSON text: what a dialect has of its own about it.
public protocol WholeAnswerReader: Sendable {
    /// Appends all that the answer says, its reason to finish last.
    ///
    /// - Throws: ``Core/PlatformError``: the error that stands in its place, or `providerProtocol` where it is no answer.
    mutating func readWhole(_ answer: borrowing JSONDocument, into deltas: inout [Delta]) throws(PlatformError)
}

/// Reads an answer that is one JSON text, for every dialect; white space around it does not count, such as DeepSeek
/// sends while one waits.
public struct WholeAnswerDecoder<Reader: WholeAnswerReader>: DeltaDecoder, Sendable {
    private var reader: Reader
    private var body: [UInt8] = []

    /// As much as one event of a stream may have.
    private static var maximumBytes: Int { 16 << 20 }

    public init(_ reader: Reader) { self.reader = reader }

    /// Half a text says nothing.
    public var isComplete: Bool { false }

    /// Keeps the next piece.
    ///
    /// - Throws: ``Core/PlatformError`` with code `providerProtocol` past 16 MiB.
    public mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        guard body.count + bytes.count <= Self.maximumBytes else { throw .provider(.providerProtocol) }
        body.append(copying: bytes)
    }

    public mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        let answer: JSONDocument
        do throws(JSONError) {
            answer = try JSONDocument(parsing: body.span)
        } catch {
            throw .provider(error.offset == body.count ? .providerTruncated : .providerProtocol, cause: error)
        }
        try reader.readWhole(answer, into: &deltas)
    }
}
