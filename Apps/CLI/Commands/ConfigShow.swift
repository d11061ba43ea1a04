import Arguments
import Configuration
import Core

/// `medstream config show`: the settings in force.
enum ConfigShow {
    static let command: Command = Command(
        "show", "Print the settings in force, secrets masked",
        details: """
            Prints every setting with the value that is in force, defaults included, as YAML that loads again to the \
            same settings but for its secrets. With --json, one object a line: the setting's path, its value as YAML, \
            whether it is secret, and where it was set; nowhere for a default. A wrong configuration is reported as by \
            'check'.
            """,
        examples: [
            Command.Example("medstream config show", "Show what a server started here would use."),
            Command.Example("medstream config show --set streaming.chunk.min_characters=8", "Try a change."),
            Command.Example("medstream config show --json | jq -r 'select(.origin).path'", "List what was set."),
        ],
        takes: Config.parameters,
        action: { arguments throws(UsageError) in try run(arguments) })

    private static func run(_ arguments: Arguments) throws(UsageError) -> Int32 {
        let terminal = Terminal()
        switch try Config.read(arguments) {
        case .success(let configuration):
            terminal.write(
                arguments[Shared.json]
                    ? configuration.effective.map { json($0) + "\n" }.joined() : configuration.effectiveYAML)
            return ExitCode.done
        case .failure(let report):
            terminal.note("\(report)")
            return ExitCode.configuration
        }
    }

    private static func json(_ setting: Configuration.Setting) -> String {
        var members: [String: JSONValue] = [
            "path": .string(setting.path), "value": .string(setting.value), "secret": .bool(setting.isSecret),
        ]
        members["origin"] = setting.origin.map { .string($0.description) }
        return JSONValue.object(members).jsonText
    }
}
