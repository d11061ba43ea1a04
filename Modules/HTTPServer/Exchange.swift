import Reactor

/// One answer on its way out: its head, its framing and its end. Loop-confined.
final class Exchange {
    private let connection: Connection
    private let isHead: Bool
    private let isHTTP11: Bool
    private var keepsAlive: Bool
    private let start: UInt64
    private var status = 0
    private var sentBytes = 0
    private var isChunked = false
    private var hasBody = true
    private var isFinishing = false
    private var onFinish: [@Sendable (Response.Summary) -> Void] = []
    private var waiter: CheckedContinuation<Void, Never>?
    private var pulse: Pulse?
    private(set) var isOpen = true
    var task: Task<Void, Never>?

    init(on connection: Connection, isHead: Bool, isHTTP11: Bool, keepsAlive: Bool, start: UInt64) {
        self.connection = connection
        self.isHead = isHead
        self.isHTTP11 = isHTTP11
        self.keepsAlive = keepsAlive
        self.start = start
    }

    func send(_ response: Response) async {
        guard isOpen else { return report(response) }
        begin(response)
        switch response.body {
        case .none: finish()
        case .bytes(let bytes):
            if hasBody { write(bytes.span) }
            finish()
        case .stream(let body):
            guard hasBody else { return finish() }
            let writer = BodyWriter(self)
            do {
                try await body(writer)
                finish()
            } catch {
                if isOpen { connection.close() }
            }
        }
    }

    /// Answers without a handler.
    func refuse(_ response: Response) {
        begin(response)
        if case .bytes(let bytes) = response.body { write(bytes.span) }
        finish()
    }

    private func report(_ response: Response) {
        status = response.status
        onFinish = response.onFinish
        tell(isCut: true)
    }

    private func begin(_ response: Response) {
        status = response.status
        onFinish = response.onFinish
        var length: Int?
        switch response.body {
        case .none: length = 0
        case .bytes(let bytes): length = bytes.count
        case .stream: break
        }
        let isBodiless = status == 204 || status == 304
        hasBody = !isHead && !isBodiless
        if length == nil, hasBody {
            isChunked = isHTTP11
            if !isHTTP11 { keepsAlive = false }
        }
        if let choice = response.headers["connection"], Headers.same(choice, "close") { keepsAlive = false }
        connection.write { output in
            ResponseHead.append(
                response, length: isBodiless ? nil : length, isChunked: length == nil && isHTTP11 && !isBodiless,
                keepsAlive: keepsAlive, isHTTP11: isHTTP11, now: connection.eventLoop.now, to: &output)
        }
    }

    /// Writes a piece of the body, framed as the head promised.
    func write(_ bytes: Span<UInt8>) {
        guard isOpen, hasBody, bytes.count > 0 else { return }
        sentBytes += bytes.count
        pulse?.touch()
        connection.write { output in
            guard isChunked else { return output.append(bytes) }
            output.append(hexadecimal: bytes.count)
            output.append("\r\n")
            output.append(bytes)
            output.append("\r\n")
        }
    }

    private func finish() {
        guard isOpen else { return }
        if isChunked { connection.write { $0.append("0\r\n\r\n") } }
        isFinishing = true
        pulse = nil
        // The end of the turn writes what waits; then `drained()` sees that all is out.
        connection.write { _ in }
    }

    // MARK: Backpressure

    var isFull: Bool { connection.pendingBytes > connection.maxPendingBytes }

    /// Waits until the client has taken most of what waits for it.
    func room() async throws(ClientGone) {
        while isOpen, isFull { await withCheckedContinuation { waiter = $0 } }
        guard isOpen else { throw ClientGone() }
    }

    /// The kernel took some bytes.
    func drained() {
        if connection.pendingBytes <= connection.maxPendingBytes / 4 {
            waiter?.resume()
            waiter = nil
        }
        if isFinishing, connection.pendingBytes == 0 { end() }
    }

    func beat(_ bytes: [UInt8], every period: Duration) {
        pulse = Pulse(on: connection.eventLoop, period) { [weak self] in self?.write(bytes.span) }
    }

    // MARK: The end

    private func end() {
        isOpen = false
        task = nil
        tell(isCut: false)
        connection.exchangeEnded(keepsAlive: keepsAlive)
    }

    func connectionEnded() {
        guard isOpen else { return }
        isOpen = false
        pulse = nil
        task?.cancel()
        task = nil
        waiter?.resume()
        waiter = nil
        if status != 0 { tell(isCut: true) }
    }

    private func tell(isCut: Bool) {
        guard !onFinish.isEmpty else { return }
        let summary = Response.Summary(
            status: status, bytes: sentBytes,
            duration: .milliseconds(Int64(connection.eventLoop.now) - Int64(start)), isCut: isCut)
        for body in onFinish { body(summary) }
        onFinish = []
    }
}

/// The client has closed the connection.
public struct ClientGone: Error, Sendable {}

/// Writes the body of a streamed answer. Loop-confined: used by the closure it was given to.
public final class BodyWriter {
    private let exchange: Exchange

    init(_ exchange: Exchange) { self.exchange = exchange }

    /// Writes a piece, which leaves at the end of the loop's turn together with all else written in it.
    ///
    /// Suspends while more than `maxOutputBytes` wait for a slow client.
    public func write(_ bytes: [UInt8]) async throws(ClientGone) {
        guard exchange.isOpen else { throw ClientGone() }
        exchange.write(bytes.span)
        if exchange.isFull { try await exchange.room() }
    }

    /// Sends `bytes` whenever nothing else was written for `period`: a sign of life.
    public func heartbeat(_ bytes: [UInt8], every period: Duration) { exchange.beat(bytes, every: period) }
}

/// Acts when nothing has happened for a period, again and again. A touch costs one store.
private final class Pulse {
    private let loop: EventLoop
    private let period: Duration
    private let onSilence: () -> Void
    private var idle: IdleTimer?

    init(on loop: EventLoop, _ period: Duration, onSilence: @escaping () -> Void) {
        self.loop = loop
        self.period = period
        self.onSilence = onSilence
        restart()
    }

    func touch() { idle?.touch() }

    private func restart() {
        idle = IdleTimer(on: loop, limit: period) { [weak self] in
            guard let self else { return }
            onSilence()
            restart()
        }
    }
}
