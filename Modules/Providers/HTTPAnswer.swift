internal import Core
internal import HTTPClient
internal import Reactor

/// One answer over HTTP, for all dialects.
///
/// Its task waits once, in a frame that holds next to nothing: memory for each open stream.
final class HTTPAnswer: ResponseReceiver {
    typealias MakeReader = (ResponseHead) throws(PlatformError) -> AnswerReader

    private var makeReader: MakeReader?
    private let hand: (Delta) -> Void
    private var reader: AnswerReader?
    private var delivery: Delivery?
    /// Emptied and filled again, so that one array serves the whole answer.
    private var deltas: [Delta] = []
    private var failure: PlatformError?
    private var host = ""
    private var silence: IdleTimer?
    private var firstToken: LoopTimer?

    init(handing hand: @escaping (Delta) -> Void, reader makeReader: @escaping MakeReader) {
        self.hand = hand
        self.makeReader = makeReader
    }

    @inline(never)
    func start(_ request: OutgoingRequest, on loop: EventLoop, _ patience: Patience) {
        if let limit = patience.silence {
            silence = IdleTimer(on: loop, limit: limit) { [unowned self] in timeOut(hasBegun ? .idle : .firstByte) }
        }
        if let limit = patience.firstToken {
            firstToken = LoopTimer(on: loop) { [unowned self] in timeOut(.firstByte) }
            firstToken?.start(after: limit)
        }
        do throws(HTTPClientError) {
            delivery = try HTTPClient.on(loop).deliver(request, to: self)
        } catch {
            end(error)
        }
    }

    /// Throws what was wrong with the answer, once it has ended.
    func check() throws(PlatformError) {
        if let failure { throw failure }
    }

    /// Waits for the end of the answer.
    @inline(never)
    func wait() async {
        guard let delivery else { return }
        await delivery.ended()
        end(delivery.failure)
    }

    func receive(status: Int, headers: IncomingHeaders) {
        attempt { () throws(PlatformError) in
            reader = try makeReader?(ResponseHead(status: status, headers: headers.pairs))
        }
        makeReader = nil
        silence?.touch()
        if failure != nil { delivery?.cancel() }
    }

    /// The path of a token: from the socket's event to the receiver, in one call.
    func receive(body bytes: Span<UInt8>) {
        guard failure == nil else { return }
        silence?.touch()
        attempt { () throws(PlatformError) in try reader?.read(bytes, into: &deltas) }
        handOver()
        if failure != nil { delivery?.cancel() }
    }

    @inline(never)
    private func end(_ broken: HTTPClientError?) {
        delivery = nil
        silence = nil
        firstToken = nil
        guard failure == nil else { return }
        attempt { () throws(PlatformError) in
            if reader == nil, let broken { throw .provider(broken.kind, hasBegun: false, cause: broken) }
            if let broken {
                try reader?.breakOff(broken.kind, cause: broken, into: &deltas)
            } else {
                try reader?.finish(into: &deltas)
            }
        }
        handOver()
    }

    private var hasBegun: Bool { reader != nil }

    /// The provider has kept us waiting for too long.
    private func timeOut(_ deadline: HTTPClientError.Deadline) {
        guard failure == nil else { return }
        let cause = HTTPClientError(.timedOut(deadline), host: host)
        failure = .provider(.timedOut(deadline), hasBegun: hasBegun, cause: cause)
        delivery?.cancel()
    }

    private func handOver() {
        for delta in deltas {
            if firstToken != nil, delta.isText { firstToken = nil }
            hand(delta)
        }
        deltas.removeAll(keepingCapacity: true)
    }

    private func attempt(_ body: () throws(PlatformError) -> Void) {
        do throws(PlatformError) { try body() } catch { failure = error }
    }
}
