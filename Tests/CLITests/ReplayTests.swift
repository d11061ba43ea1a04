import Core
import Foundation
import HTTPServer
import JSON
import Testing
import TestSupport

@Suite("medstream replay", .timeLimit(.minutes(1)))
struct ReplayTests {
    static let events = FakeMedstream.answer(reasoning: ["Think."], ["Once ", "more."])
    static let stream = FakeMedstream.stream.text

    @Test("prints a stream's text again and asks nothing")
    func text() async throws {
        let server = try await FakeMedstream(.whole(Self.events))
        let run = try await Medstream.run("replay", Self.stream, "--server", server.url)
        #expect(run == Execution.Result(output: "Once more.\n", errors: "", code: 0))
        #expect(server.questions.isEmpty)
        #expect(server.offsets == [0])
    }

    @Test("begins at the event it is told to", arguments: 1...8)
    func from(first: Int) async throws {
        let server = try await FakeMedstream(.whole(Self.events))
        let run = try await Medstream.run(
            "replay", Self.stream, "--json", "--from", "\(first)", "--server", server.url)
        let ids = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0))["id"]?.string }
        #expect(ids == (first..<(Self.events.count + 1)).map { "\(Self.stream)-\($0)" })
        #expect(server.offsets == [first - 1])
        #expect(run.code == 0)
    }

    @Test("prints nothing where there is nothing more, and that is no failure")
    func nothing() async throws {
        let script = FakeMedstream.Script { _, _ in [.answer(Response(204))] }
        let server = try await FakeMedstream(script)
        let run = try await Medstream.run("replay", Self.stream, "--from", "99", "--server", server.url)
        #expect(run == Execution.Result(output: "", errors: "", code: 0))
    }

    @Test("says that a stream is not known")
    func unknown() async throws {
        let script = FakeMedstream.Script { _, _ in
            [.answer(HTTPError(404, code: "not_found", "There is no such stream.").response)]
        }
        let server = try await FakeMedstream(script)
        let run = try await Medstream.run("replay", Self.stream, "--server", server.url)
        #expect(run == Execution.Result(output: "", errors: "medstream: There is no such stream.\n", code: 1))
    }

    @Test("leaves a running stream alone at Ctrl-C")
    func interrupt() async throws {
        let script = FakeMedstream.Script(events: Self.events) { _, _ in (1...4).map { .event($0) } + [.hold] }
        let server = try await FakeMedstream(script)
        let run = try Medstream.start(["replay", Self.stream, "--server", server.url])
        await run.shows("Once")
        run.send(SIGINT)
        #expect(await run.result().code == 130)
        #expect(server.stops.value == 0)
    }

    @Test(
        "refuses what is no stream and no place",
        arguments: [["x"], [stream, "--from", "0"], [stream, "--from", "x"], []])
    func usage(arguments: [String]) async throws {
        let result = try await Medstream.run(["replay"] + arguments)
        #expect(result.code == 64)
        #expect(result.output.isEmpty)
    }
}
