internal import Core
internal import HTTPClient

/// Decides what a response means, from its head to the end of its body; without a socket, so that it can be tested.
package struct AnswerReader {
    private enum Body {
        case answer(any DeltaDecoder)
        case refusal([UInt8])
    }

    private let provider: String
    private let head: ResponseHead
    private var body: Body

    /// Of an error's body no more is read: classification needs a fraction of that.
    static let maximumRefusalBytes = 64 << 10

    package init(of dialect: any Dialect, _ head: ResponseHead) throws(PlatformError) {
        provider = dialect.name
        self.head = head
        body = head.status == 200 ? .answer(try dialect.decoder(for: head)) : .refusal([])
    }

    /// Reads a piece of the body.
    package mutating func read(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
        switch body {
        case .answer(var decoder):
            // The body must not hold the decoder too while it changes, or its buffers would be copied.
            body = .refusal([])
            defer { body = .answer(decoder) }
            try decoder.decode(bytes, into: &deltas)
        case .refusal(var kept):
            for index in bytes.indices.prefix(Self.maximumRefusalBytes - kept.count) { kept.append(bytes[index]) }
            body = .refusal(kept)
            if kept.count == Self.maximumRefusalBytes { throw refusal(kept) }
        }
    }

    /// Reads the end of the body.
    package mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
        switch body {
        case .answer(var decoder): try decoder.finish(into: &deltas)
        case .refusal(let kept): throw refusal(kept)
        }
    }

    /// Reads that the body broke off, which harms an answer that has said it is finished no more.
    package mutating func breakOff(
        _ kind: HTTPClientError.Kind, cause: (any Error)? = nil, into deltas: inout [Delta]
    ) throws(PlatformError) {
        switch body {
        case .answer(var decoder):
            guard decoder.isComplete, kind != .cancelled else { throw .provider(kind, hasBegun: true, cause: cause) }
            try decoder.finish(into: &deltas)
        case .refusal(let kept): throw refusal(kept)
        }
    }

    private func refusal(_ bytes: [UInt8]) -> PlatformError {
        ErrorAnswer(from: provider, head, body: bytes.span).platformError
    }
}
