import Configuration
import Core
import TestSupport
import Testing

@Suite("The settings in force")
struct EffectiveTests {
    static func read(_ configuration: Configuration) {
        let root = configuration.root
        let server = root.section("server")
        _ = server.string("host", default: "127.0.0.1")
        _ = server.int("port", in: 0...65_535, default: 8_080)
        _ = server.intOrAuto("threads", in: 1...64)
        _ = server.section("timeouts").duration("idle", default: .seconds(75))
        _ = root.section("logs").bool("access", default: true)
        _ = server.section("limits").bytes("body_bytes", default: 1 << 20)
        _ = server.section("limits").bytes("odd_bytes", default: 1_000)
        for provider in root.sections("providers") {
            _ = provider.string("note")
            _ = provider.secret("api_key")
            _ = provider.json("parameters")
            _ = provider.strings("stop")
        }
        _ = root.path("data_directory", default: "data")
        _ = root.double("share", in: 0...1, default: 0.25)
        _ = root.choice("detach", default: Answer.askAgain)
    }

    @Test("stand in the order they were asked for, with what set each")
    func listing() throws {
        let configuration = try Configuration.parse(
            "server:\n  port: 1\nproviders: { a: { api_key: sk-1, note: 'x: y' } }".utf8, file: "a.yaml",
            overrides: ["server.timeouts.idle=90s"])
        Self.read(configuration)
        try configuration.finish()
        let settings = configuration.effective
        #expect(
            settings.prefix(5).map(\.path) == [
                "server.host", "server.port", "server.threads", "server.timeouts.idle", "logs.access",
            ])
        #expect(settings.prefix(5).map(\.value) == ["127.0.0.1", "1", "auto", "90s", "true"])
        #expect(settings.prefix(5).map { $0.origin?.description } == [nil, "a.yaml:2:9", nil, "--set", nil])
        #expect(
            configuration.effectiveYAML.split(separator: "\n").filter { !$0.hasPrefix("data_directory") } == [
                "server:", "  host: 127.0.0.1", "  port: 1", "  threads: auto", "  timeouts:", "    idle: 90s",
                "  limits:", "    body_bytes: 1MiB", "    odd_bytes: 1000", "logs:", "  access: true", "providers:",
                "  a:", "    note: \"x: y\"", "    api_key: <secret>", "    api_key_file: null",
                "    parameters: {}", "    stop: []", "share: 0.25", "detach: ask_again",
            ])
    }

    @Test("load again to the same settings, whatever text they hold", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let pieces = [
            "a", "é", "日本", " ", ": ", " #", "${", "$", "}", "{", "[", ",", "'", "\"", "\\", "\n", "\t", "- ", "&", "*",
            "!", "null", "true", "12", "1.5", "~", "\u{7F}", "\u{85}", "\u{2028}", "\u{FEFF}", "😀", "%", "@", "=", "|",
            "-",
        ]
        func text() -> String {
            (0..<Int.random(in: 0...6, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
        }
        let note = text()
        let stops = (0..<3).map { _ in text() }
        // Through variables, any text reaches a value without YAML having a say.
        var environment = ["NOTE": note]
        for (index, stop) in stops.enumerated() { environment["STOP\(index)"] = stop }
        let source = """
            providers:
              "p: ä":
                note: "${NOTE}"
                stop: ["${STOP0}", "${STOP1}", "${STOP2}"]
                parameters: { k: "${NOTE}", n: [1, 2.5, null, true, "${STOP0}"] }
            """
        let first = try Configuration.parse(source.utf8, environment: environment)
        Self.read(first)
        try first.finish()
        let second = try Configuration.parse(first.effectiveYAML.utf8)
        Self.read(second)
        let provider = second.root.section("providers").section("p: ä")
        #expect(provider.string("note") == note, "seed \(seed)")
        #expect(provider.strings("stop") == stops, "seed \(seed)")
        #expect(provider.json("parameters")["k"] == .string(note), "seed \(seed)")
        try second.finish()
        #expect(second.effectiveYAML == first.effectiveYAML, "seed \(seed)")
    }

    /// As a name, after one more character.
    static let longest = "${" + String(repeating: "\0", count: 125)

    @Test(
        "load again to the same settings where a name or text has `${` round a character that YAML escapes",
        arguments: ["${:-\0}", "a${b:-\n}", "$${:-\u{85}}", "${a:-\\}", "${a:-\u{FEFF}}${b:-\t}", longest])
    func escapes(text: String) throws {
        let name = "n\(text)"
        let first = try Configuration.parse(
            "providers: { p: { note: \"${NOTE}\", parameters: { k: \"${NOTE}\" } } }".utf8,
            environment: ["NOTE": text])
        Self.read(first)
        _ = first.root.section(name).string("inner", default: text)
        try first.finish()
        let second = try Configuration.parse(first.effectiveYAML.utf8)
        Self.read(second)
        #expect(second.root.section("providers").section("p").string("note") == text)
        #expect(second.root.section("providers").section("p").json("parameters")["k"] == .string(text))
        #expect(second.root.section(name).string("inner") == text)
        try second.finish()
    }

    @Test("are sizes and times that read back to what they were", arguments: 0..<200 as Range<UInt64>)
    func units(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let scale = [1, 1_000, 1_024, 60_000, 1_048_576, 3_600_000, 86_400_000].randomElement(using: &random) ?? 1
        let value = Int.random(in: 0...3_000, using: &random) * scale
        let first = try Configuration.parse("".utf8)
        _ = first.root.bytes("b", default: value)
        _ = first.root.duration("d", default: .milliseconds(value))
        let second = try Configuration.parse(first.effectiveYAML.utf8)
        #expect(second.root.bytes("b", default: -1) == value, "seed \(seed)")
        #expect(second.root.duration("d") == .milliseconds(value), "seed \(seed)")
        try second.finish()
    }
}
