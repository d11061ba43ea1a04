import Configuration
import Testing

@Suite("A variable of the environment")
struct SubstitutionTests {
    private static let malformed = "expected ${NAME} or ${NAME:-default}; the characters ${ themselves are written $${"
    static let environment = ["NAME": "Ada", "EMPTY": "", "PORT": "8081", "ODD": "${NAME} # 'x': {", "_1": "one"]

    @Test(
        "is filled in wherever a value stands",
        arguments: [
            ("a: ${NAME}", "Ada"), ("a: Dr. ${NAME}!", "Dr. Ada!"), ("a: \"${NAME}\"", "Ada"), ("a: '${NAME}'", "Ada"),
            ("{ a: ${NAME}, b: 1 }", "Ada"), ("a: ${NONE:-x}", "x"), ("a: ${EMPTY:-x}", "x"), ("a: ${NAME:-x}", "Ada"),
            ("a: ${EMPTY}", ""), ("a: ${NONE:-}", ""), ("{ a: ${NONE:-a, b: [c] # d}, b: 1 }", "a, b: [c] # d"),
            ("a: ${NONE:-https://example.org/é}", "https://example.org/é"), ("a: '${NONE:-\"x\"}'", "\"x\""),
            ("a: ${ODD}", "${NAME} # 'x': {"), ("a: ${_1}${NAME}", "oneAda"), ("a: |\n  ${NAME}\n", "Ada\n"),
            ("a: $${NAME}", "${NAME}"), ("{ a: $${NAME} }", "${NAME}"), ("a: $$${NAME}", "$${NAME}"),
            ("a: $NAME $ $$", "$NAME $ $$"), ("a: '$${'", "${"),
        ])
    func values(text: String, value: String) throws {
        let root = try Configuration.parse(text.utf8, environment: Self.environment).root
        #expect(root.string("a") == value)
    }

    @Test("is a number where one is wanted, quoted or not", arguments: ["a: ${PORT}", "a: \"${PORT}\""])
    func numbers(text: String) throws {
        let root = try Configuration.parse(text.utf8, environment: Self.environment).root
        #expect(root.int("a", in: 0...65_535, default: 1) == 8_081)
    }

    @Test(
        "that is missing or misspelt is reported once, at its value",
        arguments: [
            ("x: 1\na: \"é ${NONE}\"", "a.yaml:2:4: a: the environment variable NONE is not set"),
            ("a: ${none:x}", "a.yaml:1:4: a: \(malformed)"),
            ("a: '${NAME'", "a.yaml:1:4: a: \(malformed)"),
            ("a: '${1A}'", "a.yaml:1:4: a: \(malformed)"),
            ("a: '${}'", "a.yaml:1:4: a: \(malformed)"),
            ("a: '${A:-${NAME}}'", "a.yaml:1:4: a: \(malformed)"),
        ])
    func mistakes(text: String, line: String) {
        let found = problems(text, environment: Self.environment) { root in
            _ = root.int("a", in: 1...9, default: 3)
            _ = root.string("x")
        }
        #expect(found == [line])
    }

    @Test("does not show in a report what it holds")
    func hidden() {
        let found = problems("a: ${PORT}\nb: [\"${NAME}\"]", environment: Self.environment) { root in
            _ = root.bool("a")
            _ = root.strings("b")
            root.reference("b", to: ["Bob"], of: "person")
        }
        #expect(
            found == [
                "a.yaml:1:4: a: expected true or false, found the value of '${PORT}'",
                "a.yaml:2:5: b: no person is called as the value of '${NAME}' says; known: Bob",
            ])
    }
}
