import HTTPClient
import Reactor
import TestSupport
import Testing

@Suite("HTTP/2", .timeLimit(.minutes(1)), .enabled(if: HTTP2Server.isInstalled, "nginx is not installed"))
struct HTTP2Tests {
    /// Around the sizes of frames, of libcurl's buffers and of what may wait unread.
    private static let lengths = [1, 2_048, 2_049, 9_000, 16_384, 16_385, 24_577, 65_536, 70_000, 300_000, 3_000_000]

    @Test("Bodies of all sizes come whole, and streams share one connection")
    func bodies() async throws {
        let server = try await started()
        let actor = LoopActor()
        await actor.run { actor in
            _ = actor.loop.local { HTTPClient(on: actor.loop, trusting: server.certificate) }
        }
        let connections = try await withThrowingTaskGroup { group in
            for length in Self.lengths + Self.lengths {
                group.addTask { try await actor.run { try await Self.fetch(length, from: server, $0) } }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(connections.count == 1)
    }

    private static func fetch(_ length: Int, from server: HTTP2Server, _ actor: isolated LoopActor) async throws
        -> String
    {
        let url = "https://127.0.0.1:\(server.port)/\(length)"
        let response = try await actor.client.open(
            OutgoingRequest("GET", url, deadlines: deadlines(idle: .seconds(20))))
        #expect(response.status == 200)
        #expect(response.headers["x-protocol"] == "HTTP/2.0")
        let body = try await response.readAll()
        #expect(body == HTTP2Server.body(length), "\(length) bytes")
        return response.headers["x-connection"] ?? ""
    }

    /// A server that listens: its port was free a moment ago, and it needs a moment to open it.
    private func started() async throws -> HTTP2Server {
        let port = try ScriptedServer { _ in [] }.port
        let server = try await HTTP2Server(on: port, lengths: Self.lengths)
        while await failure(OutgoingRequest("GET", "http://127.0.0.1:\(port)/"))?.kind == .connect {
            await Task.yield()
        }
        return server
    }
}
