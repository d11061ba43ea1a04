import Configuration
import TestSupport
import Testing

@Suite("Any bytes at all", .timeLimit(.minutes(1)))
struct FuzzTests {
    static let seeds: [String] = [
        "server:\n  host: 127.0.0.1\n  port: ${PORT:-8080}\n  limits: { body_bytes: 1MiB, headers: 100 }\n",
        "providers:\n  main: { kind: openai, endpoint: ${URL}, api_key: ${KEY} }\n  demo: { kind: demo }\n",
        "routes: { chat: [main, 'demo'], onboarding: [\"demo\"] }\ntext: |\n  two\n  lines\nfold: >-\n  a\n  b\n",
        "a: &x [1, 2]\nb: *x\n? complex\n: !!str 5\n---\n- second\n...\n",
        "# é 日本 😀\nflags: {streaming: {percent: 100}}\n",
    ]

    @Test("are read or refused with a report, in bounded time and memory", arguments: 0..<40 as Range<UInt64>)
    func mutations(seed: UInt64) {
        var random = SplitMix(seed: seed)
        for _ in 0..<50 {
            let bytes = Self.mutated(&random)
            do throws(ConfigurationReport) {
                let configuration = try Configuration.parse(
                    bytes, file: "/nowhere/a.yaml", environment: ["PORT": "1", "URL": "u"])
                EffectiveTests.read(configuration)
                let again = try Configuration.parse(configuration.effectiveYAML.utf8)
                _ = again.root.names
                try configuration.finish()
            } catch {
                #expect(!error.problems.isEmpty, "seed \(seed)")
                #expect(error.description.split(separator: "\n").count <= 102, "seed \(seed)")
                #expect(error.problems.allSatisfy { !$0.description.contains("\n") }, "seed \(seed)")
            }
        }
    }

    static func mutated(_ random: inout SplitMix) -> [UInt8] {
        var bytes = Array((seeds.randomElement(using: &random) ?? "").utf8)
        let marks = Array("{}[]:,-?&*!|>'\"%@`#$\t\n \u{85}\u{FEFF}".utf8)
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes.insert(marks.randomElement(using: &random) ?? 0, at: place)
            case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 0...5, using: &random)))
            case 3: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
            case 4:
                bytes.insert(contentsOf: repeatElement(marks.randomElement(using: &random) ?? 0, count: 200), at: place)
            default: bytes.insert(contentsOf: (seeds.randomElement(using: &random) ?? "").utf8.prefix(30), at: place)
            }
        }
        return bytes
    }

    @Test("that grow under their reader are refused in time", arguments: Hostile.all)
    func hostile(input: Hostile) {
        #expect(!problems(input.text).isEmpty)
    }

    /// A text of about half a MiB; its name stands in the output, not all of it.
    struct Hostile: Sendable, CustomTestStringConvertible {
        let start: String
        let repeated: String
        var end = ""

        var testDescription: String { "\(start)(\(repeated))…\(end)" }
        var text: String { start + String(repeating: repeated, count: (1 << 19) / repeated.utf8.count) + end }

        static let all = [
            Hostile(start: "", repeated: "["), Hostile(start: "", repeated: "{a: "), Hostile(start: "", repeated: "? "),
            Hostile(start: "", repeated: "- "), Hostile(start: "", repeated: "a:\n"),
            Hostile(start: "", repeated: "${"),
            Hostile(start: "a: ", repeated: "${A:-"), Hostile(start: "a: ", repeated: "$${A:-", end: "}"),
            Hostile(start: "a: ", repeated: "$", end: "{"), Hostile(start: "\"", repeated: "\\u0041"),
            Hostile(start: "a: ", repeated: "${A}"), Hostile(start: "", repeated: "[a]: "),
            Hostile(start: "a: |\n", repeated: " x\n", end: "b"), Hostile(start: "a: '", repeated: "''"),
            Hostile(start: "", repeated: "#\n", end: "- "), Hostile(start: "[", repeated: "a: b,"),
        ]
    }
}
