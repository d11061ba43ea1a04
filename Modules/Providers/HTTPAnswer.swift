internal import Core
internal import HTTPClient
internal import Reactor

/// One answer over HTTP, for all dialects.
///
/// Its task waits once, in a frame that holds next to nothing: memory for each open stream.
final class HTTPAnswer: ResponseReceiver {
    typealias MakeReader = (ResponseHead) throws(PlatformError) -> AnswerReader

    // First what each piece of the answer needs, so that it shares a line of the cache.
    private let hand: (Delta) -> Void
    private var firstToken: LoopTimer?
    private var reader: AnswerReader?
    private var failure: PlatformError?
    private var delivery: Delivery?
    private var makeReader: MakeReader?

    init(handing hand: @escaping (Delta) -> Void, reader makeReader: @escaping MakeReader) {
        self.hand = hand
        self.makeReader = makeReader
    }

    @inline(never)
    func start(_ request: OutgoingRequest, on loop: EventLoop, _ patience: Patience) {
        var request = request
        if let limit = patience.silence {
            request.deadlines.firstByte = min(request.deadlines.firstByte, limit)
            request.deadlines.idle = min(request.deadlines.idle, limit)
        }
        if let limit = patience.firstToken {
            firstToken = LoopTimer(on: loop) { [unowned self] in timeOut() }
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
        if failure != nil { delivery?.cancel() }
    }

    /// The path of a token: from the socket's event to the receiver, in one call.
    func receive(body bytes: Span<UInt8>) {
        guard failure == nil else { return }
        // Made anew each time: of thousands of answers one that goes on is in no cache, but what was just freed is.
        var deltas: [Delta] = []
        attempt { () throws(PlatformError) in try reader?.read(bytes, into: &deltas) }
        handOver(deltas)
        if failure != nil { delivery?.cancel() }
    }

    @inline(never)
    private func end(_ broken: HTTPClientError?) {
        delivery = nil
        firstToken = nil
        guard failure == nil else { return }
        var deltas: [Delta] = []
        attempt { () throws(PlatformError) in
            if reader == nil, let broken { throw .provider(broken.kind, hasBegun: false, cause: broken) }
            if let broken {
                try reader?.breakOff(broken.kind, cause: broken, into: &deltas)
            } else {
                try reader?.finish(into: &deltas)
            }
        }
        handOver(deltas)
    }

    /// The provider has kept us waiting for the first text for too long, whatever else it sent.
    private func timeOut() {
        guard failure == nil else { return }
        let cause = HTTPClientError(.timedOut(.firstByte))
        failure = .provider(.timedOut(.firstByte), hasBegun: reader != nil, cause: cause)
        delivery?.cancel()
    }

    private func handOver(_ deltas: [Delta]) {
        for delta in deltas {
            if firstToken != nil, delta.isText { firstToken = nil }
            hand(delta)
        }
    }

    private func attempt(_ body: () throws(PlatformError) -> Void) {
        do throws(PlatformError) { try body() } catch { failure = error }
    }
}
