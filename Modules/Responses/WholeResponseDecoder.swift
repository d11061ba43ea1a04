internal import Core
internal import JSON
internal import Providers

/// Reads an answer that is one JSON object.
struct WholeResponseDecoder: DeltaDecoder, Sendable {
    private var reader: ResponseEventReader
    private var body: [UInt8] = []

    /// As much as one event of a stream may have.
    private static let maximumBytes = 16 << 20

    init(_ provider: String) { reader = ResponseEventReader(provider: provider) }

    /// Half an object says nothing.
    var isComplete: Bool { false }

    mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        guard body.count + bytes.count <= Self.maximumBytes else { throw .provider(.providerProtocol) }
        body.append(addingCapacity: bytes.count) { output in
            for index in bytes.indices { output.append(bytes[index]) }
        }
    }

    mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        let response: JSONValue
        do throws(JSONError) {
            response = try JSONValue(parsing: body)
        } catch {
            throw .provider(error.offset == body.count ? .providerTruncated : .providerProtocol, cause: error)
        }
        try reader.readWhole(response, into: &deltas)
    }
}
