import Configuration
import Core
import HTTPClient
import Providers
import Reactor

/// A dialect of its own: each byte of an answer is a text, and a full stop finishes it.
struct FakeDialect: Dialect {
    static let kind = "fake"

    var name = "fake"
    var model = "fake-1"
    var url = "http://model.test/"

    init() {}

    init(_ settings: Section) {
        name = settings.name
        model = settings.string("model", default: "fake-1")
    }

    func request(for prompt: Prompt) -> OutgoingRequest {
        OutgoingRequest("POST", url, body: Array((prompt.messages.last?.text ?? "").utf8))
    }

    func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        if head.mediaType == "text/html" { throw .provider(.providerProtocol) }
        return Decoder()
    }

    private struct Decoder: DeltaDecoder {
        var isComplete = false

        mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError) {
            for index in bytes.indices {
                let letter = String(UnicodeScalar(bytes[index]))
                if letter == "!" { throw .provider(.providerFailed) }
                if letter == "." { isComplete = true } else { deltas.append(.content(letter)) }
            }
        }

        mutating func finish(into deltas: inout [Delta]) throws(PlatformError) {
            guard isComplete else { throw .provider(.providerTruncated) }
            deltas.append(.finish(.stop))
        }
    }
}

/// The fake under another name.
struct OtherDialect: Provider {
    static let kind = "other"

    let name: String
    let model: String
    private let fake: FakeDialect

    init(_ settings: Section) {
        fake = FakeDialect(settings)
        name = fake.name
        model = fake.model
        _ = settings.bool("loud", default: false)
    }

    func answer(
        _ prompt: Prompt, on loop: EventLoop, within patience: Patience, receive: @escaping (Delta) -> Void
    ) async throws(PlatformError) {
        try await fake.answer(prompt, on: loop, within: patience, receive: receive)
    }
}
