public import Chat
import Core
import HTTPServer
public import Persistence
public import Reactor
public import Settings
public import Streaming
public import Telemetry
import Synchronization

/// The whole server: its streams, its services, its routes and its listeners.
public final class Application: Sendable {
    public let chat: ChatService
    public let hub: StreamHub
    /// The settings in force; those that a reload may change are read anew for each request.
    public var settings: Settings { live.withLock { $0 } }
    /// The port in use.
    public var port: Int { server.port }

    private let loops: [EventLoop]
    private let server: HTTPServer
    private let live: LiveSettings
    private let routing: Routing
    private let log: Log
    private let isReady: ReadyFlag
    private let sweeper: Task<Void, Never>

    /// Starts to serve.
    ///
    /// - Parameters:
    ///   - settings: what is in force until ``reload(_:)``.
    ///   - loops: running, at least one.
    ///   - store: where conversations are kept.
    ///   - spool: where turns wait while the store cannot be reached.
    ///   - hub: the streams there are already, those of an earlier life included.
    ///   - log: where failures are told.
    /// - Throws: `SocketError` when the address cannot be listened on, `CocoaError` when the page's folder cannot be read.
    public init(
        _ settings: Settings, on loops: [EventLoop], store: any ConversationStore, spool: (any JobQueue)? = nil,
        hub: StreamHub? = nil, log: Log
    ) async throws {
        let live = LiveSettings(settings)
        let hub = hub ?? StreamHub(settings.streaming)
        self.loops = loops
        let isReady = ReadyFlag()
        let routing = Routing(settings)
        chat = ChatService(store: store, spool: spool, hub: hub, log: log) {
            ChatService.Configuration(chat: live.withLock { $0.chat }, routes: routing.routes)
        }
        self.routing = routing
        self.hub = hub
        self.live = live
        self.log = log
        self.isReady = isReady
        let metrics = ServerMetrics(loops: loops, hub: hub)
        let api = API(chat: chat, live: live, metrics: metrics, isReady: isReady)
        let handler = try api.handler(log: log)
        server = try await HTTPServer(settings.server, on: loops, handler: handler)
        sweeper = Task {
            while (try? await Task.sleep(for: min(settings.streaming.retention, .seconds(60)))) != nil { hub.sweep() }
        }
        isReady.set(true)
    }

    deinit { sweeper.cancel() }

    /// Takes over what may change while the process runs: routes, providers, flags, prompts, limits of a message.
    ///
    /// Running streams keep what they began with. Addresses, threads and the bounds of streams stay until a restart.
    public func reload(_ settings: Settings) {
        live.withLock { current in
            current.providers = settings.providers
            current.handling = settings.handling
            current.routes = settings.routes
            current.chat = settings.chat
            current.flags = settings.flags
            current.logs = settings.logs
            current.server.allowedOrigins = settings.server.allowedOrigins
        }
        routing.use(self.settings)
        log.level = settings.logs.level
        log.info("settings_reloaded", [])
    }

    /// Stops in order: no new connections, running answers get the drain time, the rest is ended as `truncated`, every
    /// viewer gets its last event.
    public func shutdown() async {
        isReady.set(false)
        sweeper.cancel()
        hub.close()
        await server.stopAccepting()
        await within(settings.server.drainTimeout) { await self.hub.idle() }
        await hub.stopAll(.shutdown)
        await within(.seconds(2)) { await self.hub.idle() }
        // A run that does not heed the stop, such as one whose store hangs, must not cost its viewers their last event.
        await hub.abandonAll()
        await within(.seconds(2)) { await self.hub.journaled(on: self.loops) }
        await within(.seconds(2)) { await self.server.drained() }
        await server.close()
    }
}

/// The settings in force, for all threads.
typealias LiveSettings = SharedValue<Settings>

/// A value that one thread at a time may touch.
final class SharedValue<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        value.withLock { body(&$0) }
    }
}

/// Whether the server takes requests; load balancers ask for it.
final class ReadyFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    func set(_ value: Bool) { flag.store(value, ordering: .relaxed) }
    var isSet: Bool { flag.load(ordering: .relaxed) }
}
