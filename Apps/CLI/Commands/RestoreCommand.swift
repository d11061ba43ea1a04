import Arguments
import Backup
import Core
import Encryption
import Settings

/// `medstream restore`: a backup becomes a data directory.
enum RestoreCommand {
    static let command: Command = Command(
        "restore", "Make a data directory of a backup",
        details: """
            Compares each file with its hash, opens the store with the keys, checks all of it, and only then puts the \
            files in place. The keys are those in the backup, or else the ones of the configuration. Nothing is ever \
            overwritten: the folder must be empty or new, and no server may use it.
            """,
        examples: [
            Command.Example("medstream restore /backups/2026-11-21 --into /var/lib/medstream", "On a new machine."),
            Command.Example("medstream restore /backups/1 --into /tmp/trial", "Find out whether a backup is good."),
        ],
        takes: [folder, target] + Installation.parameters + [Shared.json],
        action: run)

    static let keyFile = "keys"

    private static let folder = Operand<String>("DIR", "The backup", values: .files)
    private static let target = Option<String>(
        "into", "EMPTY_DIR", "The folder that becomes a data directory", values: .files)

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        guard let folder = arguments[folder] else { throw UsageError("expected DIR, the backup") }
        guard let target = arguments[target] else { throw UsageError("expected --into EMPTY_DIR") }
        guard let settings = Installation.settings(arguments) else { return ExitCode.configuration }
        return await Installation.reporting {
            let manifest = try Backup.manifest(of: folder)
            let hasKeys = manifest.files.contains { $0.name == keyFile }
            let keyring = try hasKeys ? Keyring(file: "\(folder)/\(keyFile)") : settings.encryption.keyring()
            guard keyring.identity == manifest.keyring else {
                Terminal().note(
                    "The backup was made with the keyring \(manifest.keyring), and '\(keyring.path ?? "encryption.keys")' is another. Put the key file that belongs to it where encryption.key_file says."
                )
                return ExitCode.configuration
            }
            try await Backup.restore(folder, into: target) { staged in
                try await RestoredFiles(staged, keyring).judge()
            }
            let terminal = Terminal()
            if arguments[Shared.json] {
                terminal.write(manifest.json.jsonText + "\n")
            } else {
                terminal.write(
                    "\(target): restored as of \(manifest.made), checked, and ready to be the data_directory.\n")
                if !hasKeys {
                    terminal.note("The keys are not in it: \(keyring.path ?? "encryption.keys") goes with it.")
                }
            }
            return ExitCode.done
        }
    }
}
