public import Reactor
import Synchronization

/// Answers a request; it runs on the loop that the request came in on.
public typealias Handler = @Sendable (Request) async throws -> Response

/// An HTTP/1.1 server: one listener on each of its loops, all on one port.
public final class HTTPServer: Sendable {
    /// The bounds it was started with.
    public let settings: HTTPServerSettings
    /// The port in use, the real one when the settings asked for 0.
    public let port: Int
    let workers: [LoopWorker]

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - settings: where, and within which bounds.
    ///   - loops: running loops, at least one.
    ///   - onRefusal: shapes the answer to what never became a request, such as malformed bytes.
    ///   - handler: answers all requests.
    /// - Throws: `SocketError` when the address cannot be listened on.
    public init(
        _ settings: HTTPServerSettings, on loops: [EventLoop],
        onRefusal: @escaping @Sendable (HTTPError) -> Response = { $0.response },
        handler: @escaping Handler
    ) async throws {
        self.settings = settings
        if settings.port != 0 { try TCPListener.requireFree(host: settings.host, port: settings.port) }
        let gauge = ConnectionGauge(settings)
        workers = loops.map {
            LoopWorker($0, settings: settings, gauge: gauge, onRefusal: onRefusal, handler: handler)
        }
        var port = settings.port
        do {
            for worker in workers { port = try await worker.listen(host: settings.host, port: port) }
        } catch {
            for worker in workers { await worker.close() }
            throw error
        }
        self.port = port
    }

    /// Accepts no more connections, ends the idle ones, and lets the busy ones end after their present answer.
    ///
    /// What must end busy ones in time, such as `drainTimeout`, calls ``close()``.
    public func stopAccepting() async {
        for worker in workers { await worker.drain() }
    }

    /// Waits until all connections have ended; ``close()`` ends them all.
    public func drained() async {
        for worker in workers { await worker.drained() }
    }

    /// Ends all connections now.
    public func close() async {
        for worker in workers { await worker.close() }
    }

    /// Connections open now.
    public var connectionCount: Int {
        get async {
            var count = 0
            for worker in workers { count += await worker.connectionCount }
            return count
        }
    }
}

/// Counts connections over all loops, in total and by address.
final class ConnectionGauge: Sendable {
    enum Verdict { case welcome, tooMany, tooManyFromAddress }

    private struct State {
        var total = 0
        var byAddress: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let settings: HTTPServerSettings

    init(_ settings: HTTPServerSettings) { self.settings = settings }

    func enter(_ address: String) -> Verdict {
        state.withLock { state in
            guard state.total < settings.maxConnections else { return .tooMany }
            let count = state.byAddress[address, default: 0]
            guard count < settings.maxConnectionsPerAddress else { return .tooManyFromAddress }
            state.total += 1
            state.byAddress[address] = count + 1
            return .welcome
        }
    }

    func leave(_ address: String) {
        state.withLock { state in
            state.total -= 1
            let count = state.byAddress[address, default: 1] - 1
            state.byAddress[address] = count == 0 ? nil : count
        }
    }
}
