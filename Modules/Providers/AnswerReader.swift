package import Core
package import HTTPClient

/// Decides what a response means, from its head to the end of its body; without a socket, so that it can be tested.
package struct AnswerReader {
    /// `nil` for an error, whose body is kept in ``refusal`` instead.
    private var decoder: (any DeltaDecoder)?
    private var refusal: [UInt8] = []
    private let provider: String
    private let head: ResponseHead

    /// Of an error's body no more is read: classification needs a fraction of that.
    static let maximumRefusalBytes = 64 << 10

    package init(of dialect: any Dialect, _ head: ResponseHead) throws(PlatformError) {
        provider = dialect.name
        self.head = head
        decoder = head.status == 200 ? try dialect.decoder(for: head) : nil
    }

    /// Reads a piece of the body.
    package mutating func read(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        if try decoder?.decode(bytes, into: &deltas) != nil { return }
        for index in bytes.indices.prefix(Self.maximumRefusalBytes - refusal.count) { refusal.append(bytes[index]) }
        if refusal.count == Self.maximumRefusalBytes { throw refused }
    }

    /// Reads the end of the body.
    package mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        guard decoder != nil else { throw refused }
        try decoder?.finish(into: &deltas)
    }

    /// Reads that the body broke off, which harms an answer that has said it is finished no more.
    package mutating func breakOff(
        _ kind: HTTPClientError.Kind, cause: (any Error)? = nil, into deltas: inout [Delta]
    ) throws(PlatformError) {
        if decoder == nil, kind != .cancelled { throw refused }
        guard decoder?.isComplete == true, kind != .cancelled else {
            throw .provider(kind, hasBegun: true, cause: cause)
        }
        try decoder?.finish(into: &deltas)
    }

    private var refused: PlatformError { ErrorAnswer(from: provider, head, body: refusal.span).platformError }
}
