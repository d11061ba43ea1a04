import Configuration
import Core
import Testing

enum Answer: String, CaseIterable {
    case finish, cancel
    case askAgain = "ask_again"
}

@Suite("A section")
struct SectionTests {
    private static let time = "expected a time from 1s to 1h with its unit (ms, s, m, h, d)"
    private static let size = "expected a size in bytes of at least 1KiB, such as 64KiB or 10MB"
    private static let choice = "expected one of finish, cancel, ask_again"

    @Test("answers with the default where a key is absent or has no value", arguments: ["", "a:", "a: null", "a: ~"])
    func defaults(text: String) throws {
        let configuration = try Configuration.parse(text.utf8)
        let root = configuration.root
        #expect(root.string("a", default: "x") == "x")
        #expect(root.string("a") == nil)
        #expect(root.int("a", in: 0...9, default: 4) == 4)
        #expect(root.int("a", in: 0...9) == nil)
        #expect(root.intOrAuto("a", in: 1...9) == nil)
        #expect(root.double("a", in: 0...1, default: 0.5) == 0.5)
        #expect(root.double("a", in: 0...1) == nil)
        #expect(root.bool("a", default: true))
        #expect(root.bool("a") == nil)
        #expect(root.duration("a", default: .seconds(3)) == .seconds(3))
        #expect(root.duration("a") == nil)
        #expect(root.bytes("a", default: 7) == 7)
        #expect(root.choice("a", default: Answer.cancel) == .cancel)
        #expect(root.strings("a", default: ["x"]) == ["x"])
        #expect(root.path("a") == nil)
        #expect(root.path("a", default: "/x/../y/./z") == "/y/z")
        #expect(root.json("a") == [:])
        #expect(root.secrets("a").isEmpty)
        #expect(!root.isGiven("a"))
        #expect(root.sections("a").isEmpty)
        try configuration.finish()
    }

    @Test(
        "reads times with their unit",
        arguments: [
            ("500ms", Duration.milliseconds(500)), ("30s", .seconds(30)), ("5m", .seconds(300)),
            ("24h", .seconds(86_400)), ("7d", .seconds(604_800)), ("1.5s", .milliseconds(1_500)), ("0s", .zero),
            ("0.25h", .seconds(900)), ("'3s'", .seconds(3)),
        ])
    func durations(text: String, value: Duration) throws {
        #expect(try Configuration.parse("a: \(text)".utf8).root.duration("a") == value)
    }

    @Test(
        "reads sizes in bytes",
        arguments: [
            ("64KiB", 65_536), ("1MiB", 1_048_576), ("2GiB", 2_147_483_648), ("10MB", 10_000_000), ("3kB", 3_000),
            ("3KB", 3_000), ("1GB", 1_000_000_000), ("123", 123), ("5B", 5), ("1.5KiB", 1_536), ("0", 0),
        ])
    func sizes(text: String, value: Int) throws {
        #expect(try Configuration.parse("a: \(text)".utf8).root.bytes("a", default: 1) == value)
    }

    @Test(
        "reads numbers, truth values and choices",
        arguments: [
            ("i: 42", 42, 0.5, false, Answer.finish), ("i: -3", -3, 0.5, false, .finish),
            ("d: 1e-1", 0, 0.1, false, .finish),
            ("d: 1", 0, 1, false, .finish), ("b: true", 0, 0.5, true, .finish),
            ("c: ask_again", 0, 0.5, false, .askAgain),
        ])
    func numbers(text: String, int: Int, double: Double, bool: Bool, choice: Answer) throws {
        let configuration = try Configuration.parse(text.utf8)
        let root = configuration.root
        #expect(root.int("i", in: -9...99, default: 0) == int)
        #expect(root.double("d", in: 0...1, default: 0.5) == double)
        #expect(root.bool("b", default: false) == bool)
        #expect(root.choice("c", default: Answer.finish) == choice)
        try configuration.finish()
    }

    @Test("reads a number of threads or auto", arguments: [("auto", nil), ("4", 4)] as [(String, Int?)])
    func auto(text: String, value: Int?) throws {
        #expect(try Configuration.parse("a: \(text)".utf8).root.intOrAuto("a", in: 1...64) == value)
    }

    @Test(
        "says what it expected and what it found",
        arguments: [
            ("i: 70000", "i: expected a whole number from 0 to 65535, found '70000'"),
            ("i: 1.5", "i: expected a whole number from 0 to 65535, found '1.5'"),
            ("i: '5'", "i: expected a whole number from 0 to 65535, found the quoted text '5'"),
            ("i: [5]", "i: expected a whole number from 0 to 65535, found a list"),
            ("i: \"a\\nb\"", "i: expected a whole number from 0 to 65535, found the quoted text 'a\\nb'"),
            ("t: x", "t: expected auto or a whole number from 1 to 64, found 'x'"),
            ("t: auot", "t: expected auto or a whole number from 1 to 64, found 'auot'; did you mean 'auto'?"),
            ("d: 2", "d: expected a number from 0.0 to 1.0, found '2'"),
            ("d: nan", "d: expected a number from 0.0 to 1.0, found 'nan'"),
            ("d: 0x1", "d: expected a number from 0.0 to 1.0, found '0x1'"),
            ("b: yes", "b: expected true or false, found 'yes'"),
            ("b: ture", "b: expected true or false, found 'ture'; did you mean 'true'?"),
            ("b: 'true'", "b: expected true or false, found the quoted text 'true'; did you mean 'true'?"),
            ("s: {a: 1}", "s: expected text, found a mapping"),
            ("u: 30", "u: \(time), found '30'"),
            ("u: 2h", "u: \(time), found '2h'"),
            ("u: 0.0001s", "u: \(time), found '0.0001s'"),
            ("u: .s", "u: \(time), found '.s'"),
            ("u: 99999999999999999999d", "u: \(time), found '99999999999999999999d'"),
            ("z: 10XB", "z: \(size), found '10XB'"),
            ("z: 9000000000GiB", "z: \(size), found '9000000000GiB'"),
            ("z: 0.5B", "z: \(size), found '0.5B'"),
            ("c: finsh", "c: \(choice), found 'finsh'; did you mean 'finish'?"),
            ("c: Ask-Again", "c: \(choice), found 'Ask-Again'; did you mean 'ask_again'?"),
            ("c: quit", "c: \(choice), found 'quit'"),
            ("l: {a: 1}", "l: expected a list of single values, found a mapping"),
            ("l: [a, ~]", "l: expected a single value in the list, found nothing"),
            ("j: [1]", "j: expected a mapping, found a list"),
            ("p: ''", "p: expected a path, found the quoted text ''"),
            ("o: sk-5", "o: expected a mapping, found a single value"),
        ])
    func mistakes(text: String, line: String) {
        let found = problems(text) { root in
            _ = root.int("i", in: 0...65_535, default: 1)
            _ = root.intOrAuto("t", in: 1...64)
            _ = root.double("d", in: 0...1, default: 0)
            _ = root.bool("b", default: false)
            _ = root.string("s", default: "")
            _ = root.duration("u", in: .seconds(1) ... .seconds(3_600), default: .seconds(1))
            _ = root.bytes("z", in: 1_024 ... .max, default: 1_024)
            _ = root.choice("c", default: Answer.finish)
            _ = root.strings("l")
            _ = root.json("j")
            _ = root.path("p")
            _ = root.section("o").int("x", in: 0...1)
        }
        #expect(found.map { $0.drop { $0 != " " }.dropFirst() } == [line[...]])
    }

    @Test("reports everything at once, in the order of the file")
    func together() throws {
        let text = """
            servre: {}
            server:
              host: [x]
              prot: 1
            providers:
              main: { kind: opnai, model: x }
              backup: { kind: openai }
            routes: { chat: [main, bakcup] }
            """
        let configuration = try Configuration.parse(text.utf8, file: "a.yaml")
        let root = configuration.root
        let server = root.section("server")
        _ = server.int("port", in: 0...9, default: 1)
        _ = server.string("host", default: "")
        for provider in root.sections("providers") {
            guard provider.requiredChoice("kind", among: ["openai", "demo"]) != nil else {
                provider.ignoreUnknownKeys()
                continue
            }
            _ = provider.requiredString("model")
        }
        let routes = root.section("routes")
        _ = routes.strings("chat")
        routes.reference("chat", to: root.section("providers").names, of: "provider")
        #expect(throws: ConfigurationReport.self) { try configuration.finish() }
        do throws(ConfigurationReport) { try configuration.finish() } catch {
            #expect(
                error.description == """
                    a.yaml:1:1: servre: unknown key; did you mean 'server'?
                    a.yaml:3:9: server.host: expected text, found a list
                    a.yaml:4:3: server.prot: unknown key; did you mean 'port'?
                    a.yaml:6:17: providers.main.kind: expected one of openai, demo, found 'opnai'; did you mean 'openai'?
                    a.yaml:7:3: providers.backup.model: is missing; expected text
                    a.yaml:8:24: routes.chat: no provider is called 'bakcup'; did you mean 'backup'?
                    6 problems in the configuration
                    """)
        }
    }

    @Test("names its keys in the order of the file and gives each its section")
    func names() throws {
        let root = try Configuration.parse("p:\n  zeta: { v: 1 }\n  alpha: { v: 2 }\n  mid:\n".utf8).root
        let sections = root.sections("p")
        #expect(sections.map(\.name) == ["zeta", "alpha", "mid"])
        #expect(sections.map(\.path) == ["p.zeta", "p.alpha", "p.mid"])
        #expect(sections.map { $0.int("v", in: 0...9, default: 0) } == [1, 2, 0])
        #expect(sections.map(\.location.line) == [2, 3, 4])
    }

    @Test("lets its reader report what only the reader can know")
    func callers() {
        let found = problems("a:\n  min: 5\n  max: 3\n") { root in
            let section = root.section("a")
            _ = (section.int("min", in: 0...9), section.int("max", in: 0...9))
            section.fail("max", "expected at least min, which is 5; found 3")
            section.fail("absent", "is needed with max", suggestion: "apsent")
            section.fail("is contradictory")
        }
        #expect(
            found == [
                "a.yaml:1:1: a.absent: is needed with max; did you mean 'apsent'?",
                "a.yaml:1:1: a: is contradictory",
                "a.yaml:3:8: a.max: expected at least min, which is 5; found 3",
            ])
    }

    @Test("checks the names in a default too, and says when there are none to choose from")
    func references() {
        let found = problems("b: [x, y]\nc: x") { root in
            _ = (root.strings("a", default: ["demo"]), root.strings("b"), root.string("c", default: "x"))
            root.reference("a", to: ["main"], of: "provider")
            root.reference("b", to: [String](), of: "provider")
            root.reference("c", to: ["x"], of: "provider")
        }
        #expect(
            found == [
                "a.yaml:1:1: a: no provider is called 'demo'; known: main",
                "a.yaml:1:5: b: no provider is called 'x'; there is none",
                "a.yaml:1:8: b: no provider is called 'y'; there is none",
            ])
    }

    @Test("hands a free-form mapping on as JSON")
    func json() throws {
        let text = """
            j:
              t: true
              f: 0.7
              i: 42
              big: 99999999999999999999
              n: null
              s: "42"
              w: no
              l: [1, a, {k: ~}]
              e: ${E}
              v: 1.2.3
            """
        let root = try Configuration.parse(text.utf8, environment: ["E": "5"]).root
        #expect(
            root.json("j") == [
                "t": true, "f": 0.7, "i": 42, "big": 1e20, "n": nil, "s": "42", "w": "no",
                "l": [1, "a", ["k": nil]], "e": 5, "v": "1.2.3",
            ])
    }

    @Test("reports a mistake once, however often the key is read")
    func once() {
        #expect(problems("a: x") { _ = ($0.int("a", in: 0...1), $0.int("a", in: 0...1)) }.count == 1)
    }

    @Test("keeps a report of very many problems readable")
    func many() throws {
        let text = (0..<5_000).map { "key\($0): 1\n" }.joined()
        do throws(ConfigurationReport) {
            try Configuration.parse(text.utf8).finish()
            Issue.record("unknown keys passed")
        } catch {
            #expect(error.problems.count == 5_000)
            let lines = error.description.split(separator: "\n")
            #expect(lines.count == 102)
            #expect(lines.suffix(2) == ["(4900 more)", "5000 problems in the configuration"])
        }
    }
}
