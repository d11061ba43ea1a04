import Reactor

/// One answer on its way out: its head, its framing and its end; loop-confined.
final class Exchange {
    // First what each piece of a body needs, so that it shares a line of the cache.
    private let connection: Connection
    private var source: (any BodySource)?
    private var waiter: CheckedContinuation<Void, Never>?
    private var sentBytes = 0
    /// The loop's time at the last piece.
    private var lastWrite: UInt64
    /// Whether the source has something that it was not asked for yet.
    private var hasNews = false
    private(set) var isOpen = true
    private var isFinishing = false
    private var isChunked = false
    private var hasBody = true
    /// Whether the body ends before its end, because its writer failed.
    private var isCut = false
    private let isHead: Bool
    private let isHTTP11: Bool
    private var keepsAlive: Bool
    private var status = 0
    private let start: UInt64
    private var onFinish: [@Sendable (Response.Summary) -> Void] = []
    private var heartbeat: IdleTimer?
    /// The handler; cancelled when the client leaves.
    var task: Task<Void, Never>?

    init(on connection: Connection, isHead: Bool, isHTTP11: Bool, keepsAlive: Bool, start: UInt64) {
        self.connection = connection
        self.isHead = isHead
        self.isHTTP11 = isHTTP11
        self.keepsAlive = keepsAlive
        self.start = start
        lastWrite = start
    }

    func send(_ response: Response) async {
        guard isOpen else { return report(response) }
        begin(response)
        guard hasBody else { return finish() }
        do {
            switch response.body {
            case .none: break
            case .bytes(let bytes): try await writeAll(bytes)
            case .stream(let body): try await body(BodyWriter(self))
            case .source(let make):
                // From here on the connection's events carry the answer; this task ends.
                task = nil
                source = make(BodyWriter(self))
                return sourceHasNews()
            }
        } catch {
            // What was written still goes out; the missing end tells the client that this is not all.
            isCut = true
            keepsAlive = false
        }
        finish()
    }

    /// Answers without a handler.
    func refuse(_ response: Response) {
        begin(response)
        if case .bytes(let bytes) = response.body { write(bytes.span) }
        finish()
    }

    /// In pieces, so that a slow reader of a large file holds no copy of it.
    private func writeAll(_ bytes: [UInt8]) async throws(ClientGone) {
        var position = 0
        while position < bytes.count {
            let end = min(position + connection.maxPendingBytes, bytes.count)
            write(bytes.span.extracting(position..<end))
            position = end
            if isFull { try await room() }
        }
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
        case .stream, .source: break
        }
        let isBodiless = status == 204 || status == 304
        hasBody = !isHead && !isBodiless
        if length == nil, hasBody {
            isChunked = isHTTP11
            if !isHTTP11 { keepsAlive = false }
        }
        if response.headers.lists("close", in: "connection") || connection.isDraining { keepsAlive = false }
        connection.write { output in
            ResponseHead.append(
                response, length: isBodiless ? nil : length, isChunked: length == nil && isHTTP11 && !isBodiless,
                keepsAlive: keepsAlive, isHTTP11: isHTTP11, to: &output)
        }
    }

    /// Writes a piece of the body, framed as the head promised.
    func write(_ bytes: Span<UInt8>) {
        guard isOpen, !isFinishing, hasBody, bytes.count > 0 else { return }
        sentBytes += bytes.count
        lastWrite = loop.now
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
        if isChunked, !isCut { connection.write { $0.append("0\r\n\r\n") } }
        isFinishing = true
        heartbeat = nil
        // The end of the turn writes what waits; then `drained()` sees that all is out.
        connection.askForFlush()
    }

    // MARK: Sources

    var loop: EventLoop { connection.eventLoop }

    func sourceHasNews() {
        guard !hasNews else { return }
        hasNews = true
        connection.askForFlush()
    }

    /// Fetches what the source has, as far as there is room.
    func fetch() {
        while hasNews, isOpen, !isFull, let source {
            switch source.write() {
            case .more: continue
            case .nothingYet: hasNews = false
            case .end:
                closeSource()
                finish()
            }
        }
    }

    private func closeSource() {
        source?.close()
        source = nil
        hasNews = false
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
            if hasNews { connection.askForFlush() }
        }
        if isFinishing, connection.pendingBytes == 0 { end() }
    }

    func beat(_ bytes: [UInt8], every period: Duration) {
        guard isOpen, !isFinishing else { return }
        heartbeat = IdleTimer(on: loop, limit: period, lastSign: { [unowned self] in lastWrite }) { [unowned self] in
            // A client that has not yet taken what waits for it needs no sign of life.
            guard connection.pendingBytes == 0 else { return }
            write(bytes.span)
        }
    }

    // MARK: The end

    private func end() {
        isOpen = false
        task = nil
        tell(isCut: isCut)
        connection.exchangeEnded(keepsAlive: keepsAlive)
    }

    func connectionEnded() {
        guard isOpen else { return }
        isOpen = false
        heartbeat = nil
        closeSource()
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
