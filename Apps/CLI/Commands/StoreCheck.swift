import Arguments
import Core
import Persistence
import Storage

/// `medstream store check`: whether what is kept is what was written.
enum StoreCheck {
    static let command: Command = Command(
        "check", "Read everything that is kept, and say what is not as it should be",
        details: """
            Has the database check itself, opens every row's text, whose tag tells of any bit that changed or moved, and \
            looks for rows whose parents are gone or that contradict one another. Nothing is changed, and nothing anyone wrote is printed. The exit code is 1 when something was \
            found, of which the first 1000 are told.
            """,
        examples: [
            Command.Example("medstream store check", "Check the store of config/medstream.yaml."),
            Command.Example("medstream store check --json | jq -r .kind | sort | uniq -c", "Count what is wrong."),
        ],
        takes: Installation.parameters + [Shared.json],
        action: run)

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        await Installation.withStorage(arguments) { storage in
            let findings = try await storage.store.check()
            let terminal = Terminal()
            if arguments[Shared.json] {
                terminal.write(findings.map { json($0) + "\n" }.joined())
            } else {
                terminal.write(
                    findings.isEmpty ? "Everything is as it was written.\n" : findings.map { "\($0)\n" }.joined())
            }
            return findings.isEmpty ? ExitCode.done : ExitCode.failed
        }
    }

    private static func json(_ finding: CheckFinding) -> String {
        JSONValue.object([
            "kind": .string(finding.kind.rawValue), "table": .string(finding.table), "row": .string(finding.row),
            "detail": .string(finding.detail),
        ]).jsonText
    }
}
