import Configuration
import Core
import ProviderOpenAI
import ProviderOpenAICompatible
import Providers
import Testing

@Suite("The registry of providers")
struct ProviderRegistryTests {
    static let registry = ProviderRegistry([FakeDialect.self, OtherDialect.self, OpenAIProvider.self])

    static func providers(_ yaml: String) throws -> [String: any Provider] {
        let configuration = try Configuration.parse(yaml.utf8, file: "m.yaml")
        var made: [String: any Provider] = [:]
        for section in configuration.root.sections("providers") { made[section.name] = registry.provider(section) }
        try configuration.finish()
        return made
    }

    @Test("A provider is made by its kind and knows its name and model")
    func make() throws {
        let made = try Self.providers(
            """
            providers:
              one: { kind: fake, model: m-1 }
              two: { kind: other, loud: true }
              three: { kind: openai, model: m-3, api_key: k }
            """)
        #expect(made.keys.sorted() == ["one", "three", "two"])
        #expect(made["one"] is FakeDialect)
        #expect(made["two"] is OtherDialect)
        #expect(made["three"]?.name == "three")
        #expect(made["three"]?.model == "m-3")
    }

    @Test("The kinds that exist can be listed")
    func kinds() { #expect(Self.registry.kinds == ["fake", "openai", "other"]) }

    @Test("An unknown kind is answered with those that exist and the nearest, and its keys are not reported")
    func unknownKind() {
        let report = #expect(throws: ConfigurationReport.self) {
            try Self.providers("providers:\n  main:\n    kind: opena\n    api_kee: x\n")
        }
        let lines = report?.problems.map(\.description) ?? []
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("m.yaml:3:11: providers.main.kind: expected one of fake, openai, other") == true)
        #expect(lines.first?.hasSuffix("did you mean 'openai'?") == true)
    }

    @Test("A missing kind is reported at the provider")
    func missingKind() {
        let yaml = "providers: { main: { model: x } }"
        let report = #expect(throws: ConfigurationReport.self) { try Self.providers(yaml) }
        #expect(report?.problems.count == 1)
        #expect(report?.problems.first?.path == "providers.main.kind")
    }

    @Test("Two plugins of one kind stop the process")
    func twoOfOneKind() async {
        await #expect(processExitsWith: .failure) { _ = ProviderRegistry([FakeDialect.self, FakeDialect.self]) }
    }
}

@Suite("The settings of providers")
struct ProviderSettingsTests {
    static let registry = ProviderRegistry([OpenAIProvider.self, OpenAICompatibleProvider.self])

    static func problems(_ settings: String) throws -> [String] {
        let configuration = try Configuration.parse("p:\n  kind: openai_compatible\n\(settings)".utf8)
        _ = Self.registry.provider(configuration.root.section("p"))
        do throws(ConfigurationReport) {
            try configuration.finish()
            return []
        } catch {
            return error.problems.map(\.path)
        }
    }

    @Test("What is missing is reported, all at once")
    func missing() throws {
        #expect(try Set(Self.problems("")) == ["p.base_url", "p.model"])
        let configuration = try Configuration.parse("p: { kind: openai }".utf8)
        _ = Self.registry.provider(configuration.root.section("p"))
        let report = #expect(throws: ConfigurationReport.self) { try configuration.finish() }
        #expect(Set(report?.problems.map(\.path) ?? []) == ["p.model", "p.api_key"])
    }

    @Test(
        "A wrong setting is reported at its place",
        arguments: [
            ("base_url: ftp://x/v1", "base_url"), ("base_url: model.test/v1", "base_url"),
            ("base_url: https:///v1", "base_url"), ("base_url: https://x/v1?key=1", "base_url"),
            ("base_url: https://me@x/v1", "base_url"), ("headers: { 'X Y': z }", "headers"),
            ("headers: { X: \"a\\nb\" }", "headers"), ("api_key: \"a\\nb\"", "api_key"),
            ("timeouts: { connect: fast }", "timeouts.connect"), ("timeouts: { conect: 1s }", "timeouts.conect"),
            ("parameters: { temperature: 3 }", "parameters.temperature"),
            ("parameters: { max_output_tokens: 0 }", "parameters.max_output_tokens"),
            ("parameters: { max_tokens: 5 }", "parameters.max_tokens"), ("temperature: 1", "temperature"),
            ("token_limit_field: ''", "token_limit_field"), ("extra_body: { messages: [] }", "extra_body"),
            ("extra_body: 5", "extra_body"), ("think_tags: maybe", "think_tags"),
        ])
    func wrong(line: String, path: String) throws {
        let base = line.hasPrefix("base_url") ? "" : "  base_url: https://x/v1\n"
        #expect(try Self.problems("  model: m\n\(base)  \(line)\n") == ["p.\(path)"])
    }

    @Test("No secret is in the listing of the settings")
    func secrets() throws {
        let yaml = "p: { kind: openai, model: m, api_key: hush-1, headers: { X-Key: hush-2 } }"
        let configuration = try Configuration.parse(yaml.utf8)
        let provider = try #require(Self.registry.provider(configuration.root.section("p")))
        try configuration.finish()
        #expect(!configuration.effectiveYAML.contains("hush"))
        #expect(!String(reflecting: provider).contains("hush"))
    }
}
