import Arguments
import Core
import Encryption
import Storage

/// `medstream keys reencrypt`: seals rows of older keys anew.
enum KeysReencrypt {
    static let command: Command = Command(
        "reencrypt", "Seal anew what an older key sealed, now instead of in the worker's time",
        details: """
            Goes through the rows some hundred at a time, beside servers that run; it can be interrupted, and goes on \
            where it was. What comes from a backup later is sealed as it was then.
            """,
        examples: [Command.Example("medstream keys reencrypt", "Until all rows are sealed with the current key.")],
        takes: Installation.parameters,
        action: run)

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        await Installation.withStorage(arguments) { storage in
            let terminal = Terminal()
            let left = try await storage.reencrypt { left in
                if terminal.isErrorInteractive { terminal.note("\(left) rows to go") }
            }
            guard left == 0 else {
                terminal.note("No key opens \(left) rows; 'medstream store check' tells which.")
                return ExitCode.failed
            }
            terminal.write("All rows are sealed with the key \(try storage.keys().currentKey).\n")
            return ExitCode.done
        }
    }
}
