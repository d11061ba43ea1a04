@testable import HTTPServer
import Reactor
import TestSupport
import Testing

@Suite("What is left behind", .timeLimit(.minutes(1)))
struct LeakTests {
    @Test("Connections are freed when they end, however that is", arguments: Ending.allCases)
    func connections(ending: Ending) async throws {
        let freed = Tally()
        let entered = Tally()
        let isSeen = Tally()
        let handler: Handler = { request in
            let canary = Canary(freed)
            return Response(
                body: .stream { writer in
                    writer.heartbeat([58], every: .seconds(1))
                    entered.add()
                    await isSeen.reaches(1)
                    if ending == .disconnect || ending == .server { try await request.loop.sleep(for: .seconds(600)) }
                    if ending == .failure { throw CancellationError() }
                    while ending == .stall { try await writer.write(Array(repeating: 1, count: 65_536)) }
                    withExtendedLifetime(canary) {}
                })
        }
        try await withServer({ $0.writeTimeout = .milliseconds(30) }, handler: handler) { server in
            let client = try RawClient(port: server.port, receiveBuffer: 4_096)
            await client.send(ending == .refusal ? get() + "BAD\r\n\r\n" : get())
            await entered.reaches(1)
            let connections = await server.workers[0].weakConnections()
            isSeen.add()
            switch ending {
            case .disconnect: await client.close()
            case .server: await server.close()
            case .refusal, .failure: _ = try await client.rest()
            case .stall, .answer: break
            }
            if ending == .answer { _ = try await client.response() }
            await client.close()
            await freed.reaches(1)
            await server.drained()
            #expect(connections.count == 1)
            #expect(await server.workers[0].count(alive: connections) == 0)
        }
    }

    enum Ending: CaseIterable {
        case answer, disconnect, failure, refusal, server, stall
    }

    @Test("A request's body is let go of with its answer, while the connection lives")
    func body() async throws {
        let freed = Tally()
        let handler: Handler = { _ in
            let canary = Canary(freed)
            return Response(body: .stream { _ in withExtendedLifetime(canary) {} })
        }
        try await withServer(handler: handler) { server in
            let client = try RawClient(port: server.port)
            _ = try await client.ask(post("/", "x"))
            await freed.reaches(1)
            #expect(await server.connectionCount == 1)
        }
    }
}

/// Tells when it is freed.
private final class Canary: Sendable {
    private let freed: Tally
    init(_ freed: Tally) { self.freed = freed }
    deinit { freed.add() }
}

/// Connections that may be gone.
///
/// Safe to send: they are looked at on their loop alone, or counted.
struct WeakConnections: @unchecked Sendable {
    private struct Entry {
        weak var connection: Connection?
    }

    private let entries: [Entry]

    init(_ connections: [Connection]) { entries = connections.map { Entry(connection: $0) } }

    var count: Int { entries.count }
    fileprivate var alive: Int { entries.count { $0.connection != nil } }
}

extension LoopWorker {
    func weakConnections() -> WeakConnections { WeakConnections(connections.values.map(\.connection)) }

    /// Counts in a turn of its own: what the one before held is freed by then.
    func count(alive: WeakConnections) async -> Int {
        let turned = Tally()
        loop.execute { turned.add() }
        await turned.reaches(1)
        return alive.alive
    }

    var waitingBytes: Int { connections.values.reduce(0) { $0 + $1.connection.waitingBytes } }

    var startedRequests: Int { connections.values.count { !$0.connection.isIdle } }
}

extension HTTPServer {
    /// Bytes of requests that wait for the answers before theirs.
    func waitingBytes() async -> Int {
        var bytes = 0
        for worker in workers { bytes += await worker.waitingBytes }
        return bytes
    }

    /// Connections on which a request has begun.
    func startedRequests() async -> Int {
        var count = 0
        for worker in workers { count += await worker.startedRequests }
        return count
    }
}
