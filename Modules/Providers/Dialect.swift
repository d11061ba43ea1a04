public import Core
public import HTTPClient
public import Reactor

/// A provider that is spoken to over HTTP: how to ask, and how to read the answer.
///
/// All are pure functions. Everything between them is done here, once for all dialects.
public protocol Dialect: Provider {
    /// The request that asks for an answer to `prompt`; streamed if the prompt says so.
    func request(for prompt: Prompt) -> OutgoingRequest

    /// The request as it leaves at a moment, called each time that it is sent: for a signature that holds a date.
    ///
    /// Without an implementation the request is sent as it is.
    func signed(_ request: OutgoingRequest, at moment: Timestamp) -> OutgoingRequest

    /// The reader of an answer with status 200.
    ///
    /// Every other status is classified by ``ErrorAnswer`` and is no concern of a dialect.
    ///
    /// - Throws: ``Core/PlatformError`` with code `providerProtocol` when the content type is none that is understood.
    func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder
}

extension Dialect {
    public func answer(
        _ prompt: Prompt, on loop: EventLoop, within patience: Patience, receive: @escaping (Delta) -> Void
    ) async throws(PlatformError) {
        let answer = begin(prompt, on: loop, patience, receive)
        await answer.wait()
        try answer.check()
    }

    /// On its own, so that what building a request takes is no part of the frame that waits for the answer's end.
    @inline(never)
    private func begin(
        _ prompt: Prompt, on loop: EventLoop, _ patience: Patience, _ receive: @escaping (Delta) -> Void
    ) -> HTTPAnswer {
        let answer = HTTPAnswer(handing: receive) { head throws(PlatformError) in try AnswerReader(of: self, head) }
        answer.start(signed(request(for: prompt), at: .now), on: loop, patience)
        return answer
    }

    public func signed(_ request: OutgoingRequest, at moment: Timestamp) -> OutgoingRequest { request }
}

/// Reads the body of one answer, in whatever pieces it comes.
///
/// After it has thrown it is of no further use.
public protocol DeltaDecoder {
    /// Whether the body has said that the answer is finished: if it breaks off then, nothing was lost.
    var isComplete: Bool { get }

    /// Reads the next piece of the body and appends what it says.
    ///
    /// - Throws: ``Core/PlatformError`` for an error that the body reports and for bytes that cannot be read. What was
    ///   appended before stays.
    mutating func decode(_ bytes: Span<UInt8>, into deltas: inout [Delta]) throws(PlatformError)

    /// Reads the end of the body.
    ///
    /// - Throws: ``Core/PlatformError`` with code `providerTruncated` unless the answer is complete.
    mutating func finish(into deltas: inout [Delta]) throws(PlatformError)
}

/// Status and header fields of a response.
public struct ResponseHead: Sendable {
    public var status: Int
    private let fields: [(name: String, value: String)]

    /// The names of the headers may be in any case.
    public init(status: Int, headers: [(name: String, value: String)] = []) {
        self.status = status
        fields = headers.map { (name: $0.name.lowercased(), value: $0.value) }
    }

    /// The value of the first field of that name, which is given in lower case.
    public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// The media type in lower case, without parameters; empty where there is none.
    public var mediaType: String {
        let value = self["content-type"] ?? ""
        return value.prefix { $0 != ";" && $0 != " " }.lowercased()
    }
}
