import Arguments
import TestSupport
import Testing

@Suite("Completion of a command line")
struct CompletionTests {
    @Test(
        "in bash offers what fits where the cursor is",
        arguments: [
            ("tool |", "say show --help"),
            ("tool s|", "say show"),
            ("tool sa|", "say"),
            ("tool --|", "--help"),
            ("tool show |", "one all --help"),
            ("tool say --c|", "--color --count"),
            ("tool say --kind |", "warm cold"),
            ("tool say --kind c|", "cold"),
            ("tool say --count |", ""),
            ("tool say hello --j|", "--json"),
            ("tool show all --|", "--json --help"),
            ("tool show one --s|", "--set"),
            ("tool show one 4 Pack|", "Package.swift"),
        ])
    func bash(line: String, expected: String) async throws {
        let typed = line.dropLast()
        var words = typed.split(separator: " ").map(String.init)
        if typed.hasSuffix(" ") { words.append("") }
        let script =
            CompletionScript.bash.text(for: Tool.program) + """
                COMP_WORDS=(\(words.map { "'\($0)'" }.joined(separator: " ")))
                COMP_CWORD=\(words.count - 1)
                _tool 2> /dev/null
                echo "${COMPREPLY[@]}"
                """
        let run = try await Execution.run(
            "/bin/bash", ["-c", script], environment: [:], in: Reference.packageRoot)
        #expect(run == Execution.Result(output: expected + "\n", errors: "", code: 0))
    }

    @Test("knows every command and option in every shell", arguments: CompletionScript.allCases)
    func complete(shell: CompletionScript) {
        let script = shell.text(for: Tool.program)
        let spelling = { (option: String) in shell == .fish ? "-l \(option)" : "--\(option)" }
        for option in ["json", "color", "no-color", "count", "server", "kind", "set", "help"] {
            #expect(script.contains(spelling(option)), "\(option)")
        }
        for path in ["tool say", "tool show", "tool show one", "tool show all"] {
            #expect(script.contains("'\(path)'"), "\(path)")
        }
        #expect(script.contains("warm cold"))
    }

    @Test("keeps an apostrophe in a description from ending the word", arguments: [CompletionScript.zsh, .fish])
    func quoting(shell: CompletionScript) {
        let quoted = shell == .fish ? #"'What kind it\'s'"# : #"'--kind:What kind it'\''s'"#
        #expect(shell.text(for: Tool.program).contains(quoted))
    }
}
