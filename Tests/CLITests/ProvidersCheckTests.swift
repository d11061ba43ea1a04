import Core
import JSON
import TestSupport
import Testing

@Suite("medstream providers check", .timeLimit(.minutes(1)))
struct ProvidersCheckTests {
    /// A provider's behaviour, and what is to be said of it.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var steps: [ScriptedServer.Step]
        /// Reachable, authorised, model, streams.
        var findings: [Bool?]
        var code: String?
        /// What the text must say.
        var says: [String]
    }

    static let faults: [Case] = [
        Case(
            testDescription: "refused key", steps: ProviderSetup.refusal(401, "invalid_api_key"),
            findings: [true, false, nil, nil], code: "provider_authentication",
            says: ["refuses the key (status 401, invalid_api_key)", "Look at the key in providers.main"]),
        Case(
            testDescription: "unknown model", steps: ProviderSetup.refusal(404, "model_not_found"),
            findings: [true, nil, false, nil], code: "model_not_found",
            says: ["does not know the model 'kestrel-2' (status 404, model_not_found)", "providers.main.model"]),
        Case(
            testDescription: "wrong address", steps: ProviderSetup.whole(404, "<html>no</html>", type: "text/html"),
            findings: [true, nil, false, nil], code: "model_not_found",
            says: ["nothing at the address", "/v1/chat/completions"]),
        Case(
            testDescription: "used up", steps: ProviderSetup.refusal(429, "insufficient_quota"),
            findings: [true, true, nil, nil], code: "provider_quota", says: ["used up", "Add credit"]),
        Case(
            testDescription: "too many", steps: ProviderSetup.refusal(429, "rate_limit_exceeded"),
            findings: [true, true, nil, nil], code: "rate_limited", says: ["asked too much", "Check again later"]),
        Case(
            testDescription: "refused parameter", steps: ProviderSetup.refusal(400, "unsupported_value"),
            findings: [true, nil, nil, nil], code: "provider_rejected",
            says: ["refuses the request (status 400, unsupported_value)", "providers.main.parameters"]),
        Case(
            testDescription: "redirect", steps: ProviderSetup.whole(301, ""), findings: [true, nil, nil, nil],
            code: "provider_rejected", says: ["points to another address (status 301)"]),
        Case(
            testDescription: "trouble", steps: ProviderSetup.refusal(500, "server_error"),
            findings: [true, nil, nil, nil], code: "provider_failed", says: ["trouble of its own"]),
        Case(
            testDescription: "not streamed",
            steps: ProviderSetup.whole(
                200,
                #"{"model":"m","choices":[{"index":0,"message":{"content":"1, 2, 3"},"finish_reason":"stop"}]}"#),
            findings: [true, true, true, false], code: "not_streamed", says: ["came at once", "proxy"]),
        Case(
            testDescription: "a web page", steps: ProviderSetup.whole(200, "<html></html>", type: "text/html"),
            findings: [true, true, true, true], code: "provider_protocol",
            says: ["not of the kind 'openai'", "providers.main.kind"]),
        Case(
            testDescription: "broken off", steps: ProviderSetup.streamed(isWhole: false),
            findings: [true, true, true, true], code: "provider_truncated", says: ["began and broke off"]),
        Case(
            testDescription: "nothing said", steps: ProviderSetup.streamed([], finish: "length"),
            findings: [true, true, true, true], code: "empty_answer", says: ["max_output_tokens"]),
        Case(
            testDescription: "withheld", steps: ProviderSetup.streamed([], finish: "content_filter"),
            findings: [true, true, true, true], code: "content_blocked", says: ["filter withheld"]),
        Case(
            testDescription: "reset", steps: [.reset], findings: [false, nil, nil, nil], code: "provider_unreachable",
            says: ["broke the connection off"]),
    ]

    @Test("says exactly what is wrong, and what to do", arguments: faults)
    func fault(example: Case) async throws {
        let setup = try ProviderSetup { _ in example.steps }
        let run = try await setup.run("check")
        #expect(run.code == 1)
        #expect(run.errors.isEmpty)
        #expect(run.output.hasPrefix("main: WRONG (openai, kestrel-2 at 127.0.0.1:\(setup.server.port))\n"))
        for text in example.says { #expect(run.output.contains(text), "\(run.output)") }
        #expect(!run.output.contains(ProviderSetup.key))

        let json = try await setup.run("check", "--json")
        let answer = try JSONValue(parsing: json.output)
        #expect(json.code == 1)
        #expect(answer["ok"]?.bool == false)
        #expect(answer["code"]?.string == example.code)
        let findings = ["reachable", "authorised", "model_exists", "streams"].map { answer[$0]?.bool }
        #expect(findings == example.findings, "\(json.output)")
        #expect(answer["problem"]?.string?.isEmpty == false && answer["advice"]?.string?.isEmpty == false)
        #expect(!json.output.contains(ProviderSetup.key) && json.errors.isEmpty)
    }

    @Test("finds a provider right that streams an answer")
    func right() async throws {
        let setup = try ProviderSetup { _ in ProviderSetup.streamed() }
        let run = try await setup.run("check", "main")
        let lines = run.output.split(separator: "\n")
        #expect(run.code == 0)
        #expect(lines.first == "main: ok (openai, kestrel-2 at 127.0.0.1:\(setup.server.port))")
        #expect(lines.dropFirst().first == "  reachable yes, authorised yes, model yes, streams yes")
        #expect(lines.last?.hasPrefix("  first text after ") == true)
        #expect(lines.last?.hasSuffix("; 1,200 tokens in, 34 out") == true)

        let json = try JSONValue(parsing: try await setup.run("check", "--json").output)
        #expect(json["ok"] == true && json["code"] == .null && json["problem"] == .null)
        #expect(json["usage"]?["input"]?.int == 1_200)
        let times = [json["first_text_ms"]?.int, json["total_ms"]?.int].compactMap(\.self)
        #expect(times.count == 2 && times == times.sorted())
        #expect(setup.server.requests.value == 2)
    }

    @Test(
        "gives up a provider that falls silent",
        arguments: [[], Array(ProviderSetup.streamed(isWhole: false).dropLast())])
    func silence(steps: [ScriptedServer.Step]) async throws {
        let setup = try ProviderSetup { _ in steps + [.awaitDisconnect] }
        let run = try await setup.run("check", "--timeout", "1", "--json")
        let answer = try JSONValue(parsing: run.output)
        #expect(answer["code"]?.string == "timed_out")
        #expect(answer["advice"]?.string?.contains("--timeout") == true)
        #expect(run.code == 1)
        await setup.server.disconnects.reaches(1)
    }

    @Test("says that there is no server")
    func unreachable() async throws {
        let file = try ConfigTests.File(
            """
            providers: { main: { kind: openai, model: m, base_url: "http://127.0.0.1:1/v1", api_key: k } }
            """)
        let run = try await Medstream.run("providers", "check", "--config", file.path)
        #expect(run.output.contains("There is no connection to 127.0.0.1:1"))
        #expect(run.output.contains("reachable no, authorised ?, model ?, streams ?"))
        #expect(run.code == 1)
    }

    @Test("checks all, or the one that is named, and is content only when all are well")
    func several() async throws {
        let setup = try ProviderSetup(more: "") { request in
            request.line.hasPrefix("POST /broken")
                ? ProviderSetup.refusal(401, "invalid_api_key") : ProviderSetup.streamed()
        }
        let file = try ConfigTests.File(
            """
            include: \(setup.file.path)
            providers:
              other: { kind: openai, model: m, base_url: "\(setup.server.url)/broken/v1", api_key: k }
              demo: \(ProviderSetup.demo)
            """)
        func check(_ arguments: String...) async throws -> Execution.Result {
            try await Medstream.run(["providers", "check", "--json", "--config", file.path] + arguments)
        }
        let all = try await check()
        let answers = try all.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(answers.map { $0["name"]?.string } == ["demo", "main", "other"])
        #expect(answers.map { $0["ok"]?.bool } == [true, true, false], "\(all.output)")
        #expect(all.code == 1)
        #expect(try await check("main").code == 0)
        #expect(try await check("demo").code == 0)
        let unknown = try await check("mian")
        #expect(unknown.code == 64)
        #expect(unknown.errors.contains("no provider is called 'mian'; did you mean 'main'?"))
    }

    @Test("refuses a limit that is none", arguments: ["0", "x", "3601"])
    func usage(limit: String) async throws {
        let run = try await Medstream.run("providers", "check", "--timeout", limit)
        #expect(run.code == 64)
        #expect(run.errors.contains("--timeout must be a whole number from 1 to 3600"))
    }
}
