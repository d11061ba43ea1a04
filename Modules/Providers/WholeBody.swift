public import Core
public import JSON

/// The body of an answer that is one JSON text, collected until its end.
public struct WholeBody: Sendable {
    private var bytes: [UInt8] = []

    /// As much as one event of a stream may have.
    static let maximumBytes = 16 << 20

    public init() {}

    /// Keeps the next piece.
    ///
    /// - Throws: ``Core/PlatformError`` with code `providerProtocol` past 16 MiB.
    public mutating func append(_ piece: Span<UInt8>) throws(PlatformError) {
        guard bytes.count + piece.count <= Self.maximumBytes else { throw .provider(.providerProtocol) }
        bytes.append(addingCapacity: piece.count) { output in
            for index in piece.indices { output.append(piece[index]) }
        }
    }

    /// Parses what was collected; white space around it, such as DeepSeek sends while one waits, does not count.
    ///
    /// - Throws: ``Core/PlatformError`` with code `providerTruncated` where the text breaks off, else
    ///   `providerProtocol`.
    public func parsed() throws(PlatformError) -> JSONDocument {
        do throws(JSONError) {
            return try JSONDocument(parsing: bytes.span)
        } catch {
            throw .provider(error.offset == bytes.count ? .providerTruncated : .providerProtocol, cause: error)
        }
    }
}
