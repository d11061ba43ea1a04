import Core
import JSON
import Synchronization
import TestSupport
import Testing

@Suite("medstream usage", .timeLimit(.minutes(1)))
struct UsageTests {
    static let report = #"""
        {"from":"2026-03-01","to":"2026-03-02","by":["day","model"],"rows":[
        {"day":"2026-03-01","model":null,"answers":2,"without_usage":2,"estimated":0,"without_cost":2,"usage":{},"costs":[]},
        {"day":"2026-03-02","model":"kestrel","answers":1204,"without_usage":1,"estimated":1,"without_cost":0,
        "usage":{"input":1234567,"output":89,"reasoning":0,"estimated":true},
        "costs":[{"micros":5,"currency":"EUR"},{"micros":1250000,"currency":"USD","estimated":true}]}],
        "total":{"answers":1206,"without_usage":3,"estimated":1,"without_cost":2,
        "usage":{"input":1234567,"output":89,"reasoning":0,"estimated":true},
        "costs":[{"micros":5,"currency":"EUR"},{"micros":1250000,"currency":"USD","estimated":true}]}}
        """#

    final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    static func server(
        _ status: Int = 200, _ body: String = report, seen: Lines = Lines()
    ) throws -> ScriptedServer {
        try ScriptedServer { request in
            seen.add(request.line)
            return ProviderSetup.whole(status, body)
        }
    }

    @Test("prints a table in which the unknown is no number and estimates are marked")
    func table() async throws {
        let server = try Self.server()
        let run = try await Medstream.run("usage", "--server", server.url)
        #expect(
            run.output == """
                2026-03-01 to 2026-03-02, UTC

                day         model    answers       input  output  reasoning                      cost  uncounted  unpriced
                2026-03-01  ?              2           ?       ?          ?                         ?          2         2
                2026-03-02  kestrel    1,204  ~1,234,567     ~89         ~0  0.000005 EUR + ~1.25 USD          1         0
                total                  1,206  ~1,234,567     ~89         ~0  0.000005 EUR + ~1.25 USD          3         2

                """)
        #expect(run.errors.isEmpty)
        #expect(run.code == 0)
    }

    @Test("asks for what it is told to")
    func question() async throws {
        let seen = Lines()
        let server = try Self.server(seen: seen)
        _ = try await Medstream.run("usage", "--server", server.url)
        _ = try await Medstream.run(
            "usage", "--from", "2026-03-01", "--to=2026-03-02", "--by", "day", "--by", "model",
            environment: ["MEDSTREAM_SERVER": server.url])
        #expect(
            seen.all == [
                "GET /api/v1/usage HTTP/1.1",
                "GET /api/v1/usage?from=2026-03-01&to=2026-03-02&by=day,model HTTP/1.1",
            ])
    }

    @Test("gives programs what the server said")
    func json() async throws {
        let server = try Self.server()
        let run = try await Medstream.run("usage", "--json", "--server", server.url)
        #expect(run.output.split(separator: "\n").count == 1)
        #expect(try JSONValue(parsing: run.output) == JSONValue(parsing: Self.report))
    }

    @Test("says why there is no answer")
    func failure() async throws {
        let problem = #"{"code":"invalid_request","detail":"'from' is after 'to'.","status":422}"#
        let refusing = try Self.server(422, problem)
        let refused = try await Medstream.run("usage", "--server", refusing.url)
        #expect(refused == Execution.Result(output: "", errors: "medstream: 'from' is after 'to'.\n", code: 1))
        let stranger = try Self.server(200, "{}")
        let other = try await Medstream.run("usage", "--server", stranger.url)
        #expect(other.errors.contains("does not look like a Medstream server"))
        #expect(other.code == 69)
        #expect(try await Medstream.run("usage", "--server", "http://127.0.0.1:1").code == 69)
    }

    @Test("refuses what is no day", arguments: ["2026-02-29", "today", "2026-3-1", "2026-03-01T00:00:00Z"])
    func usage(day: String) async throws {
        let run = try await Medstream.run("usage", "--from", day)
        #expect(run.code == 64)
        #expect(run.errors.contains("--from must be a day such as 2026-03-01"))
    }
}
