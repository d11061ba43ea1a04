import Configuration
import Testing

@Suite("A YAML text")
struct YAMLTests {
    private static let unclosed = "did not find expected ',' or ']' while parsing a flow sequence"
    private static let badToken =
        "not YAML: found character that cannot start any token while scanning for the next token "
        + "(text that begins with it needs quotes; a tab cannot indent)"
    private static let anchors = "anchors (&name) and aliases (*name) are not supported; text with them needs quotes"

    @Test("gives every value in any of YAML's forms")
    func forms() throws {
        let text = """
            plain: some words  # a comment
            single: 'it''s'
            double: "a\\tb \\u00e9"
            block: |
              two
              lines
            folded: >-
              one
              line
            flow: { a: [x, 'y'], b: }
            crème: brûlée
            """
        let root = try Configuration.parse(text.utf8).root
        #expect(root.string("plain") == "some words")
        #expect(root.string("single") == "it's")
        #expect(root.string("double") == "a\tb é")
        #expect(root.string("block") == "two\nlines\n")
        #expect(root.string("folded") == "one line")
        #expect(root.section("flow").strings("a") == ["x", "y"])
        #expect(root.section("flow").string("b") == nil)
        #expect(root.string("crème") == "brûlée")
    }

    @Test(
        "may be empty, a comment, or begin with a byte order mark", arguments: ["", "# no\n", "---\n", "\u{FEFF}a: 1"])
    func empty(text: String) throws {
        let configuration = try Configuration.parse(text.utf8)
        #expect(configuration.root.int("a", in: 0...9, default: 1) == 1)
        try configuration.finish()
    }

    @Test(
        "that is wrong says where and how",
        arguments: [
            ("a: 1\nb: [1, 2\nc: 3", "a.yaml:3:2: not YAML: \(unclosed) that begins on line 2"),
            ("a: b: c", "a.yaml:1:5: not YAML: mapping values are not allowed in this context"),
            ("a: 'b", "a.yaml:1:6: not YAML: found unexpected end of stream while scanning a quoted scalar"),
            ("a:\n\tb: 1", "a.yaml:2:1: \(badToken)"),
            ("é: @x", "a.yaml:1:4: \(badToken)"),
            ("a: é\u{1}", "a.yaml:1:5: not YAML: control characters are not allowed"),
            ("a: 1\n---\nb: 2", "a.yaml:2:1: a second document begins here; a file holds one"),
            ("- a\n- b", "a.yaml:1:1: expected a mapping of settings, found a list"),
            ("just text", "a.yaml:1:1: expected a mapping of settings, found a single value"),
            ("a: 1\nb: 2\na: 3", "a.yaml:3:1: the key 'a' stands already on line 1"),
            ("a: &x 1", "a.yaml:1:4: \(anchors)"),
            ("a: *x", "a.yaml:1:4: \(anchors)"),
            ("a: !!str 1", "a.yaml:1:4: tags (!name) are not supported; text that begins with ! needs quotes"),
            ("? [x]\n: 1", "a.yaml:1:3: a key must be a single value, found a list"),
            ("'': 1", "a.yaml:1:1: a key is empty"),
            ("a: 1\n\(String(repeating: "k", count: 129)): 2", "a.yaml:2:1: a key is longer than 128 characters"),
            ("a: \u{100041}", "a.yaml:1:4: a character of private use, U+100000 to U+10007F"),
        ])
    func mistakes(text: String, line: String) {
        #expect(problems(text) { _ = ($0.string("a", default: ""), $0.string("b", default: "")) }.first == line)
    }

    @Test("that is not UTF-8 is refused at the byte")
    func encoding() {
        let found = lines { () throws(ConfigurationReport) in
            _ = try Configuration.parse(Array("a: 1\nb: é".utf8) + [0xFF], file: "a.yaml")
        }
        #expect(found == ["a.yaml:2:5: not valid UTF-8"])
    }

    @Test("may have 64 levels and not 65", arguments: [("[", "]"), ("{ a: ", "}")])
    func depth(open: String, close: String) {
        func nested(_ levels: Int) -> String {
            "a: " + String(repeating: open, count: levels - 1) + String(repeating: close, count: levels - 1)
        }
        #expect(problems(nested(64)) { $0.ignoreUnknownKeys() }.isEmpty)
        let column = 4 + 63 * open.count
        #expect(problems(nested(65)) == ["a.yaml:1:\(column): nested more than 64 deep"])
    }

    @Test("may have 100,000 values and not one more")
    func values() {
        // Root, key, list, then the elements.
        func list(_ count: Int) -> String { "a: [\(String(repeating: "1,", count: count))]" }
        #expect(problems(list(99_997)) { _ = $0.strings("a") }.isEmpty)
        #expect(problems(list(99_998)).map { $0.suffix(46) } == [": more than 100000 values in the configuration"])
    }

    @Test("may have 1 MiB and not one byte more")
    func size() {
        func text(_ bytes: Int) -> String { "a: " + String(repeating: "x", count: bytes - 3) }
        #expect(problems(text(1 << 20)) { _ = $0.string("a") as String? }.isEmpty)
        #expect(problems(text(1 << 20 + 1)) == ["a.yaml: larger than 1 MiB"])
    }

    @Test("keeps the place of every key and value")
    func places() {
        let found = problems("a:\n  b: x\n  c:\n    - 1\n    - {}\n\"d\": 'é'\n") { root in
            _ = root.section("a").int("b", in: 0...1)
            _ = root.section("a").strings("c")
        }
        #expect(
            found == [
                "a.yaml:2:6: a.b: expected a whole number from 0 to 1, found 'x'",
                "a.yaml:5:7: a.c: expected a single value in the list, found a mapping",
                "a.yaml:6:1: d: unknown key; known here: a",
            ])
    }
}
