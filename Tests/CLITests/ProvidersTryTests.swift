import Core
import Foundation
import JSON
import Synchronization
import TestSupport
import Testing

@Suite("medstream providers try", .timeLimit(.minutes(1)))
struct ProvidersTryTests {
    /// The body of the last request.
    final class Seen: Sendable {
        private let body = Mutex<JSONValue>(.null)
        var value: JSONValue { body.withLock { $0 } }
        func see(_ request: ScriptedServer.Request) {
            let json = (try? JSONValue(parsing: request.body)) ?? .null
            body.withLock { $0 = json }
        }
    }

    @Test("prints the answer, and its usage and cost apart from it")
    func answer() async throws {
        let seen = Seen()
        let setup = try ProviderSetup { request in
            seen.see(request)
            return ProviderSetup.streamed(reasoning: ["Well"])
        }
        let run = try await setup.run("try", "main", "Count.", "--system", "Be brief.")
        #expect(run.output == "1, 2, 3\n")
        #expect(run.errors.hasPrefix("kestrel-2-2026: 1,200 tokens in, 34 out; 0.001268 EUR; first text after "))
        #expect(run.errors.hasSuffix(" in all\n"))
        #expect(run.code == 0)
        let messages = seen.value["messages"]?.array ?? []
        #expect(messages.map { $0["content"]?.string } == ["Be brief.", "Count."])
        #expect(seen.value["stream"] == true)

        let reasoned = try await setup.run("try", "main", "Count.", "--show-reasoning")
        #expect(reasoned.output == "[reasoning]\nWell\n\n[answer]\n1, 2, 3\n")
    }

    @Test("dims the reasoning on a terminal")
    func terminal() async throws {
        let setup = try ProviderSetup { _ in ProviderSetup.streamed(reasoning: ["Well"]) }
        let line = "\(Medstream.path) providers try main Count --config \(setup.file.path)"
        let run = try Medstream.start(["-qec", line, "/dev/null"], of: "/usr/bin/script")
        let result = await run.result()
        #expect(result.output.contains("\u{1B}[2mWell\u{1B}[0m"), "\(result.output)")
        #expect(result.output.contains("1, 2, 3"))
        #expect(result.code == 0)
    }

    @Test("prints the events for programs, the last with usage, cost and times")
    func json() async throws {
        let setup = try ProviderSetup()
        let run = try await setup.run("try", "main", "Count.", "--json")
        let events = try run.output.split(separator: "\n").map { try StreamEvent(json: JSONValue(parsing: String($0))) }
        #expect(events.dropLast().map(\.content) == ProviderSetup.words)
        let end = try #require(events.last)
        #expect(end.outcome == .complete)
        #expect(end.metadata["usage"]?["output"]?.int == 34)
        #expect(end.metadata["cost"] == ["micros": 1268, "currency": "EUR"])
        #expect(end.metadata["model"]?.string == "kestrel-2-2026")
        #expect(end.metadata["first_text_ms"]?.int != nil && end.metadata["total_ms"]?.int != nil)
        #expect(run.errors.isEmpty)
    }

    @Test("says that usage and price are not known where they are not")
    func unknown() async throws {
        let setup = try ProviderSetup { _ in ProviderSetup.streamed(usage: false) }
        let run = try await setup.run("try", "main", "Count.")
        #expect(run.errors.contains("the provider told no usage; no known cost; "))
        #expect(run.code == 0)
    }

    @Test("asks for the whole answer at once when told to")
    func batch() async throws {
        let seen = Seen()
        let setup = try ProviderSetup { request in
            seen.see(request)
            return ProviderSetup.whole(
                200, #"{"model":"m","choices":[{"index":0,"message":{"content":"All."},"finish_reason":"stop"}]}"#)
        }
        let run = try await setup.run("try", "main", "Count.", "--batch")
        #expect(run.output == "All.\n")
        #expect(seen.value["stream"]?.bool != true)
    }

    @Test("hands a beginning on where the provider can go on from it, and refuses it where not")
    func beginning() async throws {
        let demo = try ConfigTests.File("providers: { demo: \(ProviderSetup.demo) }\n")
        let whole = try await Medstream.run("providers", "try", "demo", "Hello", "--config", demo.path)
        let beginning = String(whole.output.prefix(20))
        let rest = try await Medstream.run(
            "providers", "try", "demo", "Hello", "--continue", beginning, "--config", demo.path)
        #expect(beginning + rest.output == whole.output)
        #expect(rest.code == 0)
        let refused = try await ProviderSetup().run("try", "main", "Hello", "--continue", beginning)
        #expect(refused.code == 64)
        #expect(refused.errors.contains("'main' cannot go on from a beginning"))
    }

    @Test("keeps the text of an answer that breaks off, and says what is wrong")
    func cut() async throws {
        let setup = try ProviderSetup { _ in ProviderSetup.streamed(isWhole: false) }
        let run = try await setup.run("try", "main", "Count.")
        #expect(run.output == "1, 2, 3\n")
        #expect(run.errors.contains("The answer began and broke off."))
        #expect(run.code == 1)
    }

    @Test("says why an answer is refused, without the key")
    func refused() async throws {
        let setup = try ProviderSetup { _ in ProviderSetup.refusal(401, "invalid_api_key") }
        let run = try await setup.run("try", "main", "Count.")
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("refuses the key (status 401, invalid_api_key)"))
        #expect(!run.errors.contains(ProviderSetup.key))
        #expect(run.code == 1)
    }

    @Test("stops the answer at Ctrl-C, at the provider too")
    func stop() async throws {
        let setup = try ProviderSetup { _ in
            ProviderSetup.streamed(isWhole: false).dropLast() + [.awaitDisconnect]
        }
        let run = try Medstream.start(["providers", "try", "main", "Count.", "--config", setup.file.path])
        await run.shows("1, 2, 3")
        run.send(SIGINT)
        let result = await run.result()
        #expect(result.output == "1, 2, 3\n")
        #expect(result.errors.contains("(stopped) You stopped it."))
        #expect(result.code == 130)
        await setup.server.disconnects.reaches(1)
    }

    @Test(
        "refuses what it cannot do",
        arguments: [["try"], ["try", "mian", "Hi"], ["try", "main", " "], ["try", "main"]])
    func usage(arguments: [String]) async throws {
        let setup = try ProviderSetup()
        let run = try await Medstream.run(["providers"] + arguments + ["--config", setup.file.path])
        #expect(run.code == 64)
        #expect(run.output.isEmpty)
        #expect(setup.server.requests.value == 0)
    }
}
