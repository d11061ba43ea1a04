import Reactor

/// One client connection: reads requests one after the other, has each answered, and writes the answers.
///
/// Loop-confined. While an answer is under way the bytes of the next request wait, bounded, in `input`. A client that
/// closes its side, even for writing alone, has gone: its request is cancelled.
final class Connection: SocketObserver, EndOfTurn {
    private enum Phase {
        /// Between two requests, or in the middle of a head.
        case head
        case body(RequestHead, Target)
        /// A request is being answered.
        case answering
        /// The last answer is out; what still comes is thrown away until the client closes.
        case lingering
    }

    // First what each write needs, so that it shares a line of the cache.
    private var isFlushAsked = false
    private var isReading = true
    private var deadline: Deadline?
    private let loop: EventLoop
    private var exchange: Exchange?
    private var socket: TCPSocket?
    private var output = ByteBuffer()
    private let worker: LoopWorker
    private var timer: LoopTimer?
    private var input = ByteBuffer()
    private var phase = Phase.head
    private let parser: RequestParser
    private var scanner: HeadScanner
    private let peer: String
    private var requestStart: UInt64

    private var settings: HTTPServerSettings { worker.settings }

    init(_ descriptor: Int32, peer: String, worker: LoopWorker) {
        self.worker = worker
        self.peer = peer
        loop = worker.loop
        requestStart = loop.now
        parser = RequestParser(worker.settings)
        scanner = HeadScanner(worker.settings)
        let socket = TCPSocket(descriptor, on: loop, observer: self)
        self.socket = socket
        socket.watch(.readable)
        start(.idle)
    }

    // MARK: Reading

    func socket(isReady events: SocketWatcher.Events) {
        if events.contains(.failed) { return close() }
        if events.contains(.writable) { flush() }
        guard isReading, events.contains(.readable) else { return }
        let received = socket?.receive { bytes in
            if input.isEmpty, case .answering = phase { return input.append(bytes) }
            if input.isEmpty {
                let used = consume(bytes)
                if used < bytes.count, socket != nil { input.append(bytes.extracting(used...)) }
            } else {
                input.append(bytes)
                consumeInput()
            }
        }
        if received == .ended { return close() }
        limitInput()
    }

    private func consumeInput() {
        let used = input.withSpan { consume($0) }
        input.consume(used)
        input.trim(above: 0)
    }

    /// Stops reading while a client sends on without waiting for its answers; the kernel then slows it down.
    private func limitInput() {
        guard case .answering = phase else { return resumeReading() }
        if input.count > settings.maxHeaderBytes, isReading {
            isReading = false
            watch()
        }
    }

    private func resumeReading() {
        guard !isReading else { return }
        isReading = true
        watch()
    }

    private func watch() {
        var events: SocketWatcher.Events = isReading ? .readable : .failed
        if !output.isEmpty, deadline == .write { events.insert(.writable) }
        socket?.watch(events)
    }

    /// Handles what is complete; answers how many bytes it took.
    private func consume(_ bytes: Span<UInt8>) -> Int {
        var used = 0
        while used < bytes.count, socket != nil {
            let rest = bytes.extracting(used...)
            switch phase {
            case .head:
                let count = consumeHead(rest)
                if count == 0 { return used }
                used += count
            case .body(let head, let target):
                used += consumeBody(rest, head, target)
            case .answering:
                return used
            case .lingering:
                return bytes.count
            }
        }
        return used
    }

    private func consumeHead(_ bytes: Span<UInt8>) -> Int {
        if deadline == .idle {
            // An empty line before a request is skipped (RFC 9112, section 2.2).
            if bytes[0] == 0x0D, bytes.count == 1 { return 0 }
            if bytes[0] == 0x0D, bytes[1] == 0x0A { return 2 }
            start(.header)
            requestStart = loop.now
        }
        switch scanner.scan(bytes) {
        case .incomplete:
            return 0
        case .refused(let refusal):
            refuse(refusal.error)
            return bytes.count
        case .complete(let length):
            scanner = HeadScanner(settings)
            do {
                try accept(try parser.parse(head: bytes.extracting(..<length)))
            } catch {
                refuse(error)
            }
            return length
        }
    }

    private func accept(_ head: RequestHead) throws(HTTPError) {
        var head = head
        let target = try head.target(within: settings)
        if parser.isWhole { return answer(head, target) }
        if head.expectsContinue {
            output.append("HTTP/1.1 100 Continue\r\n\r\n")
            askForFlush()
        }
        phase = .body(head, target)
        start(.body)
    }

    private func consumeBody(_ bytes: Span<UInt8>, _ head: RequestHead, _ target: Target) -> Int {
        do {
            let used = try parser.parse(body: bytes)
            if parser.isWhole { answer(head, target) }
            return used
        } catch {
            refuse(error)
            return bytes.count
        }
    }

    // MARK: Answering

    private func answer(_ head: RequestHead, _ target: Target) {
        stopDeadline()
        phase = .answering
        let request = Request(
            method: head.method, path: target.path, segments: target.segments, query: target.query,
            headers: head.headers, body: parser.body, peer: peer, loop: loop)
        parser.reset()
        let exchange = Exchange(
            on: self, isHead: head.method == "HEAD", isHTTP11: head.isHTTP11,
            keepsAlive: head.keepsAlive, start: requestStart)
        self.exchange = exchange
        exchange.task = worker.serve(request, exchange)
    }

    /// Answers what never became a request, and ends the connection.
    func refuse(_ error: HTTPError) {
        stopDeadline()
        phase = .answering
        let exchange = Exchange(on: self, isHead: false, isHTTP11: true, keepsAlive: false, start: requestStart)
        self.exchange = exchange
        exchange.refuse(worker.refusal(error))
    }

    /// The answer is written out in full.
    func exchangeEnded(keepsAlive: Bool) {
        exchange = nil
        guard keepsAlive, !worker.isDraining else { return linger() }
        phase = .head
        start(.idle)
        if !input.isEmpty { consumeInput() }
        limitInput()
    }

    /// Lets the client read the last answer: closing with bytes unread would reset the connection under it.
    private func linger() {
        phase = .lingering
        input.clear()
        input.trim(above: 0)
        socket?.shutDownWriting()
        resumeReading()
        start(.linger)
    }

    /// Whether no request is under way, not even its first byte.
    var isIdle: Bool { if case .head = phase { input.isEmpty } else { false } }

    // MARK: Writing

    /// Bytes that have come and could not be handled yet.
    var waitingBytes: Int { input.count }

    /// Bytes that the client has not taken yet.
    var pendingBytes: Int { output.count }

    var isOpen: Bool { socket != nil }

    var maxPendingBytes: Int { settings.maxOutputBytes }

    var eventLoop: EventLoop { loop }

    /// Whether the server stops, so that each answer is its connection's last.
    var isDraining: Bool { worker.isDraining }

    func write(_ body: (inout ByteBuffer) -> Void) {
        guard socket != nil else { return }
        body(&output)
        askForFlush()
    }

    /// Has the end of the turn fetch what the answer's source has, and write what waits.
    func askForFlush() {
        guard !isFlushAsked else { return }
        isFlushAsked = true
        loop.atEndOfTurn(self)
    }

    func turnEnded() {
        exchange?.fetch()
        isFlushAsked = false
        flush()
    }

    private func flush() {
        guard let socket else { return }
        let before = output.count
        switch socket.send(&output) {
        case .failed:
            return close()
        case .some:
            // Each byte taken gives a slow reader new time; one that takes nothing is cut off.
            if deadline != .write || output.count < before { start(.write) }
            watch()
        case .all:
            if deadline == .write {
                stopDeadline()
                // A `100 Continue` that had to wait: the body's time begins when the client can know of it.
                if case .body = phase { start(.body) }
                watch()
            }
        }
        exchange?.drained()
        // Of thousands of streams few have something to send in the same turn.
        output.trim(above: 0)
    }

    // MARK: Ending

    private func start(_ deadline: Deadline) {
        self.deadline = deadline
        let timer = timer ?? LoopTimer(on: loop) { [unowned self] in timeOut() }
        timer.start(after: deadline.limit(settings))
        self.timer = timer
    }

    /// Lets go of the timer: an answer that streams for minutes has no use for it.
    private func stopDeadline() {
        deadline = nil
        timer = nil
    }

    private func timeOut() {
        switch deadline {
        case .header: refuse(HTTPError(408, code: "header_timeout", "The request's header took too long."))
        case .body: refuse(HTTPError(408, code: "body_timeout", "The request's body took too long."))
        case .idle, .write, .linger, nil: close()
        }
    }

    func close() {
        guard let socket else { return }
        socket.close()
        self.socket = nil
        timer = nil
        exchange?.connectionEnded()
        exchange = nil
        worker.remove(self)
    }
}

/// Whose time is running on a connection.
private enum Deadline {
    case header, body, idle, write, linger

    func limit(_ settings: HTTPServerSettings) -> Duration {
        switch self {
        case .header: settings.headerTimeout
        case .body: settings.bodyTimeout
        case .idle: settings.idleTimeout
        case .write: settings.writeTimeout
        case .linger: settings.lingerTimeout
        }
    }
}
