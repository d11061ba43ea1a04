import API
import Core
import Foundation
import Persistence
import Plugins
import Providers
import Reactor
import Settings
import Streaming
import Telemetry
import TestSupport

/// The whole server on two loops in this process, with the shipped settings, at a free port.
struct WholeServer: Sendable {
    let application: Application
    let upstream: Upstream

    /// Loops are never given back; all servers of the tests share two.
    static let loops = [LoopActor(), LoopActor()].map(\.loop)

    /// Runs `body` with a server whose chat is answered by `upstream`, and shuts it down.
    static func run(
        _ set: [String] = [], store: any ConversationStore = InMemoryStore(),
        upstream acts: @escaping @Sendable (String) -> [Upstream.Act] = { _ in
            [.think("Thinking it over. "), .say("An answer "), .say("in pieces."), .finish]
        },
        _ body: (WholeServer) async throws -> Void
    ) async throws {
        let upstream = try Upstream(acts)
        let usual = ["server.port=0", "server.timeouts.drain=0s"] + upstream.settings
        let settings = try Settings.load(
            file: shippedSettings, overrides: usual + set, registry: ProviderRegistry(plugins)
        ).0
        // Nobody reads the log of these tests.
        let application = try await Application(
            settings, on: loops, store: store, log: Log(level: .error, descriptor: -1))
        do {
            try await body(WholeServer(application: application, upstream: upstream))
        } catch {
            await application.shutdown()
            throw error
        }
        await application.shutdown()
    }

    /// A new connection.
    func client() throws -> Client { try Client(port: application.port) }

    /// A connection to each loop, told by where the streams are that are started over them.
    func clientOfEachLoop() async throws -> [Client] {
        var clients: [ObjectIdentifier: Client] = [:]
        while clients.count < Self.loops.count {
            let client = try client()
            let turn = try await client.ask("Which loop?")
            guard let id = StreamID(turn.stream), let log = application.hub.log(id, for: Self.user) else { continue }
            clients[ObjectIdentifier(log.loop)] = client
            await log.ended()
        }
        return Self.loops.compactMap { clients[ObjectIdentifier($0)] }
    }

    /// Waits for the end of a stream.
    func ended(_ turn: Turn) async {
        if let id = StreamID(turn.stream) { await application.hub.log(id, for: Self.user)?.ended() }
    }

    /// The only user of development mode.
    static let user = UserID("00000000-0000-7000-8000-000000000000") ?? UserID()

    /// The last message of a conversation, as the API tells it.
    func lastMessage(_ turn: Turn) async throws -> JSONValue {
        let page = try await client().call("GET", "/api/v1/conversations/\(turn.conversation)/messages")
        return page.json["messages"]?.array?.last ?? .null
    }
}
