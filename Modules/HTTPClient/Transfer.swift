internal import CCurlShim
internal import Reactor

/// One exchange: what libcurl tells of it, and the task that waits to hear.
///
/// Resuming the task from within libcurl is safe, because that only makes a job ready for later in the turn.
///
/// Touched on its loop alone; cancellation handlers and the last release, which may run anywhere, hop there first. That
/// is why it may be shared.
final class Transfer: @unchecked Sendable {
    // First what each piece of the body needs, so that it shares a line of the cache.
    /// Who is given the response as it comes; without one the body is kept in ``unread``.
    private var receiver: (any ResponseReceiver)?
    private let clock: DeadlineClock
    private var outcome: Outcome?
    private var unread: [UInt8] = []
    private var waiter: UnsafeContinuation<Void, Never>?
    private var isPaused = false

    private let loop: EventLoop
    private let host: String
    private let recycle: (_ easy: Easy, _ isStale: Bool) -> Void
    private(set) var head = ResponseHead()
    private var easy: Easy?
    private var multi: Multi?
    private var body: RequestBody?
    /// Whether libcurl may send the request again when a kept connection breaks under it.
    private let isIdempotent: Bool
    /// Whether it was about to, and was held.
    private var isStale = false

    private enum Outcome {
        case complete
        case failed(HTTPClientError)
    }

    /// Unread bytes past which the upstream is paused.
    static let maxUnread = 64 * 1024
    /// Room kept for the next bytes when all have been read.
    private static let keptRoom = 8 * 1024

    init(
        of request: OutgoingRequest, to host: String, on loop: EventLoop, _ receiver: (any ResponseReceiver)?,
        recycling recycle: @escaping (_ easy: Easy, _ isStale: Bool) -> Void
    ) {
        self.loop = loop
        self.host = host
        self.receiver = receiver
        self.recycle = recycle
        clock = DeadlineClock(request.deadlines, on: loop)
        isIdempotent = request.isIdempotent
        if !request.body.isEmpty { body = RequestBody(request.body) }
    }

    func start(
        _ easy: Easy, with request: OutgoingRequest, _ options: Easy.Options, in multi: Multi, onNew isOnNew: Bool
    ) {
        self.easy = easy
        self.multi = multi
        easy.prepare(request, body: body, options, onNew: isOnNew)
        easy.report(to: self)
        clock.start { [unowned self] deadline in end(.timedOut(deadline)) }
        if let code = multi.add(easy, of: self) { end(.other(code: code)) }
    }

    // MARK: What libcurl tells

    /// The connection stands and the request is about to be sent: for the first time, or once more.
    ///
    /// - Returns: false to break the exchange off.
    func connected() -> Bool {
        isStale = clock.phase != .connect && !isIdempotent
        clock.enter(.firstByte)
        return !isStale
    }

    /// - Returns: false to break the exchange off.
    func receive(headerLine line: Span<UInt8>) -> Bool {
        let wasComplete = head.isComplete
        guard head.receive(line: line) else { return false }
        if head.isComplete, !wasComplete {
            // libcurl reads the body for the last time when it has sent all of it.
            if let sent = easy?.offset(CURLINFO_SIZE_UPLOAD_T), sent >= body?.count ?? 0 { body = nil }
            if let receiver {
                receiver.receive(status: head.status, headers: head.headers)
            } else {
                wake()
            }
        }
        return true
    }

    /// - Returns: false to be given the same bytes again after a pause.
    func receive(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        // Ended from within an earlier call, which libcurl has yet to learn.
        guard outcome == nil else { return true }
        if let receiver {
            clock.enter(.idle)
            receiver.receive(body: bytes.span)
            return true
        }
        guard unread.isEmpty || unread.count + bytes.count <= Self.maxUnread else {
            isPaused = true
            clock.suspend()
            return false
        }
        unread.append(contentsOf: bytes)
        clock.enter(.idle)
        wake()
        return true
    }

    func ended(_ code: CURLcode) {
        guard let easy else { return }
        if isStale { return end(.staleConnection) }
        // libcurl is content with a head that ends in the middle.
        if code == CURLE_OK { return head.isComplete ? end(with: .complete) : end(.truncated) }
        end(with: .failed(HTTPClientError(code, of: easy, host: host, isConnected: clock.phase != .connect)))
    }

    // MARK: What the reader asks

    var hasUnread: Bool { !unread.isEmpty }
    var unreadBytes: Int { unread.count }
    var hasEnded: Bool { outcome != nil }

    var failure: HTTPClientError? {
        guard case .failed(let failure) = outcome else { return nil }
        return failure
    }

    /// Waits until something has come in or the exchange has ended; may return early.
    func wait(isolation: isolated (any Actor)? = #isolation) async {
        await withTaskCancellationHandler {
            // Without the capture the closure belongs to no actor, and runs off the loop.
            _ = isolation
            await withUnsafeContinuation { continuation in
                precondition(waiter == nil, "a response is read by one task at a time")
                waiter = continuation
            }
        } onCancel: {
            loop.execute { self.cancel() }
        }
    }

    /// - Returns: whether there were bytes to hand over.
    func hand(over receiver: (Span<UInt8>) -> Void) -> Bool {
        guard !unread.isEmpty else { return false }
        // Taken out for the call, so that the receiver may cancel.
        var bytes: [UInt8] = []
        swap(&bytes, &unread)
        receiver(bytes.span)
        if bytes.capacity <= Self.keptRoom {
            bytes.removeAll(keepingCapacity: true)
            unread = bytes
        }
        resumeUpstream()
        return true
    }

    private func resumeUpstream() {
        guard isPaused, let easy else { return }
        isPaused = false
        clock.proceed()
        // May call back with bytes at once.
        multi?.unpause(easy)
    }

    // MARK: Ending

    func cancel() {
        loop.preconditionOnLoop()
        unread = []
        end(.cancelled)
    }

    func cancelFromAnywhere() {
        if loop.isCurrent { cancel() } else { loop.execute { self.cancel() } }
    }

    private func end(_ kind: HTTPClientError.Kind) { end(with: .failed(HTTPClientError(kind, host: host))) }

    private func end(with outcome: Outcome) {
        guard self.outcome == nil else { return }
        self.outcome = outcome
        clock.stop()
        if let easy, let multi {
            let recycle = recycle
            // The body outlives the removal, for libcurl holds its address until then.
            multi.remove(easy) { [body, isStale] in
                withExtendedLifetime(body) { recycle(easy, isStale) }
            }
        }
        easy = nil
        multi = nil
        body = nil
        receiver = nil
        wake()
    }

    private func wake() {
        waiter?.resume()
        waiter = nil
    }
}

/// The bytes of a request's body at an address that stays.
final class RequestBody {
    let address: UnsafeMutableRawPointer
    let count: Int

    init(_ bytes: [UInt8]) {
        count = bytes.count
        address = .allocate(byteCount: max(count, 1), alignment: 1)
        bytes.withUnsafeBytes { if let start = $0.baseAddress { address.copyMemory(from: start, byteCount: count) } }
    }

    deinit { address.deallocate() }
}
