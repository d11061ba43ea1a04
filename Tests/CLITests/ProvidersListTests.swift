import Core
import JSON
import TestSupport
import Testing

@Suite("medstream providers list", .timeLimit(.minutes(1)))
struct ProvidersListTests {

    static func setup() throws -> ConfigTests.File {
        try ConfigTests.File(
            """
            providers:
              main: { kind: openai, model: kestrel-2, base_url: "http://127.0.0.1:9/v1", api_key: \(ProviderSetup.key) }
              backup: { kind: anthropic, model: claude-sonnet-4-5, api_key: \(ProviderSetup.key) }
              cloud:
                kind: bedrock
                model: amazon.nova-pro-v1:0
                region: eu-central-1
              local: { kind: openai_compatible, model: m, base_url: "http://localhost:11434/v1" }
              demo: \(ProviderSetup.demo)
            routes: { chat: [main, backup], onboarding: [backup] }
            """)
    }

    static let environment = ["AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": ProviderSetup.key]

    @Test("shows what is set up, and where the key is, but not the key")
    func table() async throws {
        let file = try Self.setup()
        let run = try await Medstream.run(
            ["providers", "list", "--config", file.path], environment: Self.environment)
        #expect(run.errors.isEmpty)
        #expect(run.code == 0)
        let rows = run.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(
            rows == [
                ["name", "kind", "model", "host", "key", "routes"],
                ["backup", "anthropic", "claude-sonnet-4-5", "api.anthropic.com", "set", "chat", "(2),", "onboarding"],
                ["cloud", "bedrock", "amazon.nova-pro-v1:0", "bedrock-runtime.eu-central-1.amazonaws.com", "set", "-"],
                ["demo", "demo", "demo-clinician", "-", "-", "-"],
                ["local", "openai_compatible", "m", "localhost:11434", "-", "-"],
                ["main", "openai", "kestrel-2", "127.0.0.1:9", "set", "chat"],
            ])
        #expect(!run.output.contains(ProviderSetup.key) && !run.output.contains("AKIDEXAMPLE"))
    }

    @Test("tells programs the same, one provider a line")
    func json() async throws {
        let file = try Self.setup()
        let run = try await Medstream.run(
            ["providers", "list", "--json", "--config", file.path], environment: Self.environment)
        let rows = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(rows.map { $0["name"]?.string } == ["backup", "cloud", "demo", "local", "main"])
        #expect(rows.map { $0["key"]?.bool } == [true, true, false, false, true])
        #expect(rows.first?["routes"] == [["route": "chat", "place": 2], ["route": "onboarding", "place": 1]])
        #expect(rows.map { $0["host"] == .null } == [false, false, true, false, false])
        #expect(!run.output.contains(ProviderSetup.key))
    }

    @Test("reports a wrong configuration", arguments: ["list", "check", "try"])
    func wrong(command: String) async throws {
        let file = try ConfigTests.File("providers: { main: { kind: openai, model: m } }\n")
        let operands = command == "try" ? ["main", "Hi"] : []
        let run = try await Medstream.run(["providers", command] + operands + ["--config", file.path])
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("api_key"))
        #expect(run.code == 78)
    }
}
