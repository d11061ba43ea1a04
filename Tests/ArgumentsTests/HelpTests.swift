import Arguments
import Testing

@Suite("The help of a command")
struct HelpTests {
    static func help(_ words: String...) throws -> String {
        guard case .help(let text) = try Tool.program.parse(["help"] + words) else { return "" }
        return text
    }

    @Test("tells everything that was declared, and nothing else")
    func whole() throws {
        #expect(
            try Self.help("say") == """
                Say something.

                Usage: tool say [OPTIONS] [TEXT]

                Says it.

                Operands:
                  TEXT                    What to say

                Options:
                  --json                  Print JSON
                  --color, --no-color     Whether to use colours
                  --count N               How many (default 1)
                  --server URL            Where it is (or set TOOL_SERVER)
                  --kind KIND             What kind it's (one of warm, cold)
                  -h, --help              Show this help

                Examples:
                  tool say hello
                      Say hello.

                """)
    }

    @Test("of a group lists its commands")
    func group() throws {
        let help = try Self.help("show")
        #expect(help.contains("Usage: tool show COMMAND\n"))
        #expect(help.contains("\n  one                     Show one\n  all                     Show all\n"))
        #expect(help.contains("'tool show COMMAND --help' says more"))
    }

    @Test("shows which operands may be left out")
    func operands() throws {
        #expect(try Self.help("show", "one").contains("Usage: tool show one [OPTIONS] NUMBER [FILE]\n"))
    }

    @Test("keeps to 80 columns and to the paragraphs it was given")
    func wrapping() throws {
        let words = (1...60).map { "word\($0)" }.joined(separator: " ")
        let flag = Flag("flag", words)
        let details = "\(words)\n\n  as it is\nend"
        let command = Command("wide", "Be wide", details: details, takes: [flag], action: { _ in 0 })
        guard case .help(let text) = try command.parse(["--help"]) else { return }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(lines.contains("  as it is"))
        #expect(text.contains("word60\n\n  as it is\nend\n"))
        #expect(text.split(whereSeparator: \.isWhitespace).count { $0 == "word60" } == 2)
    }
}
