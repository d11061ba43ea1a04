import Arguments
import Configuration
import Core

/// `medstream config check`: what is wrong with the configuration.
enum ConfigCheck {
    static let command: Command = Command(
        "check", "Say whether the configuration is right, and what is not",
        details: """
            Every mistake is reported on standard error, with file, line and column, what was expected, and the nearest \
            valid name; the exit code is 78 then.
            """,
        examples: [
            Command.Example("medstream config check", "Check config/medstream.yaml."),
            Command.Example("medstream config check --set server.port=0", "Check it with one setting changed."),
            Command.Example("medstream config check --json | jq -r '.problems[].message'", "Check it from a script."),
        ],
        takes: Config.parameters,
        action: { arguments throws(UsageError) in try run(arguments) })

    private static func run(_ arguments: Arguments) throws(UsageError) -> Int32 {
        let terminal = Terminal()
        let file = try Config.file(arguments)
        switch try Config.read(arguments) {
        case .success:
            terminal.write(arguments[Shared.json] ? json(file, []) : "\(file): right\n")
            return ExitCode.done
        case .failure(let report):
            if arguments[Shared.json] {
                terminal.write(json(file, report.problems))
            } else {
                terminal.note("\(report)")
            }
            return ExitCode.configuration
        }
    }

    private static func json(_ file: String, _ problems: [ConfigurationReport.Problem]) -> String {
        let list = problems.map { problem -> JSONValue in
            var members: [String: JSONValue] = [
                "file": .string(problem.location.file), "line": .int(Int64(problem.location.line)),
                "column": .int(Int64(problem.location.column)), "path": .string(problem.path),
                "message": .string(problem.message),
            ]
            members["suggestion"] = problem.suggestion.map(JSONValue.string)
            return .object(members)
        }
        return JSONValue.object([
            "file": .string(file), "ok": .bool(problems.isEmpty), "problems": .array(list),
        ]).jsonText + "\n"
    }
}
