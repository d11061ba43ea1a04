import Reactor

/// The server's part on one loop: its listener, its connections and its handlers, all isolated to that loop.
actor LoopWorker {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    nonisolated let settings: HTTPServerSettings
    private let gauge: ConnectionGauge
    private let onRefusal: @Sendable (HTTPError) -> Response
    private let handler: Handler
    private var listener: TCPListener?
    /// The peer of a connection that was turned away is `nil`: it was never counted.
    private(set) var connections: [ObjectIdentifier: (connection: Connection, peer: String?)] = [:]
    private var turnedAway = 0
    private var draining = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    init(
        _ loop: EventLoop, settings: HTTPServerSettings, gauge: ConnectionGauge,
        onRefusal: @escaping @Sendable (HTTPError) -> Response, handler: @escaping Handler
    ) {
        self.loop = loop
        self.settings = settings
        self.gauge = gauge
        self.onRefusal = onRefusal
        self.handler = handler
    }

    /// On its loop, where the listener must be let go of, whoever holds the server last.
    isolated deinit {}

    func listen(host: String, port: Int) throws -> Int {
        let listener = try TCPListener(host: host, port: port, on: loop) { [weak self] descriptor, peer in
            guard let self else { return false }
            assumeIsolated { $0.accept(descriptor, peer) }
            return true
        }
        self.listener = listener
        return listener.port
    }

    private func accept(_ descriptor: Int32, _ peer: String) {
        let connection = Connection(descriptor, peer: peer, worker: self)
        switch gauge.enter(peer) {
        case .welcome:
            connections[ObjectIdentifier(connection)] = (connection, peer)
        case .tooMany:
            turnAway(connection, 503, "The server has no room for more connections. Try again shortly.")
        case .tooManyFromAddress:
            turnAway(connection, 429, "Too many connections from this address. Close some and try again.")
        }
    }

    /// Answers without reading, as long as few are being answered so; past that it just closes.
    private func turnAway(_ connection: Connection, _ status: Int, _ message: String) {
        guard turnedAway < Self.maxTurnedAway else { return connection.close() }
        turnedAway += 1
        connections[ObjectIdentifier(connection)] = (connection, nil)
        connection.refuse(
            HTTPError(status, code: "too_many_connections", message, headers: ["Retry-After": "1"]))
    }

    private static let maxTurnedAway = 64

    // MARK: For connections, which call from this loop

    nonisolated var isDraining: Bool { assumeIsolated { $0.draining } }

    nonisolated func refusal(_ error: HTTPError) -> Response { onRefusal(error) }

    nonisolated func remove(_ connection: Connection) {
        let id = ObjectIdentifier(connection)
        assumeIsolated { $0.remove(id) }
    }

    private func remove(_ id: ObjectIdentifier) {
        guard let gone = connections.removeValue(forKey: id) else { return }
        if let peer = gone.peer { gauge.leave(peer) } else { turnedAway -= 1 }
        guard connections.isEmpty else { return }
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    /// Starts the handler as a task on this loop.
    nonisolated func serve(_ request: Request, _ exchange: Exchange) -> Task<Void, Never> {
        let exchange = LoopConfined(exchange)
        return assumeIsolated { $0.start(request, exchange) }
    }

    private func start(_ request: Request, _ exchange: LoopConfined<Exchange>) -> Task<Void, Never> {
        // The preference brings continuations back to this loop: without one each wait would take the way over the
        // global executor, although all code of the task is isolated to this actor.
        Task(executorPreference: loop) { await self.run(request, exchange) }
    }

    private func run(_ request: Request, _ exchange: LoopConfined<Exchange>) async {
        let response = await answer(request)
        guard case .stream = response.body else { return await exchange.value.send(response) }
        // A task keeps the stack that its deepest call needed until it ends: what streams for minutes starts afresh,
        // without that of the handler and its middleware (about 35 KiB).
        exchange.value.task = Task(executorPreference: loop) { await self.stream(response, exchange) }
    }

    private func stream(_ response: Response, _ exchange: LoopConfined<Exchange>) async {
        await exchange.value.send(response)
    }

    private func answer(_ request: Request) async -> Response {
        do {
            return try await handler(request)
        } catch let error as HTTPError {
            return onRefusal(error)
        } catch {
            return onRefusal(HTTPError(500, code: "internal_error", "Something went wrong on our side. Try again."))
        }
    }

    // MARK: Stopping

    var connectionCount: Int { connections.count }

    func drain() {
        draining = true
        listener?.close()
        listener = nil
        for (connection, _) in connections.values where connection.isIdle { connection.close() }
    }

    func drained() async {
        guard !connections.isEmpty else { return }
        await withCheckedContinuation { waiters.append($0) }
    }

    func close() {
        drain()
        for (connection, _) in connections.values { connection.close() }
    }
}

/// Carries a loop-confined object across an isolation boundary that its loop has already checked.
///
/// Safe to send: made and opened on one loop's thread alone, by ``LoopWorker``.
struct LoopConfined<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
