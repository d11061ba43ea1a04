import Arguments
import Backup
import Core
import Encryption
import Foundation
import Storage

/// `medstream backup`: a copy of what is kept.
enum BackupCommand {
    static let command: Command = Command(
        "backup", "Copy what is kept into a folder, while servers go on",
        details: """
            DIR must be empty or new. It gets the files of the data directory, each as it was at one moment, and a \
            manifest with their SHA-256, which is written last. What is sealed stays sealed: the keys are left out unless \
            --with-keys is given, for then whoever has the backup can read it. PostgreSQL is copied by its own pg_dump; \
            of such a set-up this copies the spool and the journal of this machine.
            """,
        examples: [
            Command.Example("medstream backup /backups/$(date +%F)", "Copy it for today."),
            Command.Example("medstream backup /media/safe/1 --with-keys", "With the keys, for a safe."),
            Command.Example(
                "medstream backup /backups/1 --json | jq '.files[].bytes'", "Tell a program what was copied."),
        ],
        takes: [folder, withKeys] + Installation.parameters + [Shared.json],
        action: run)

    private static let folder = Operand<String>("DIR", "Where to, a folder that is empty or new", values: .files)
    private static let withKeys = Flag("with-keys", "Copy the key file, too")

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        guard let folder = arguments[folder] else { throw UsageError("expected DIR, where the copy goes") }
        return await Installation.withStorage(arguments) { storage in
            let keyring = try storage.keys()
            var parts = storage.backupParts
            if arguments[withKeys] {
                guard let path = keyring.path else {
                    Terminal().note("The keys are in the setting 'encryption.keys': there is no key file to copy.")
                    return ExitCode.configuration
                }
                parts.insert(Backup.Part.file(RestoreCommand.keyFile, at: path), at: 0)
            }
            let manifest = try await Backup.make(
                of: parts, in: folder,
                manifest: BackupManifest(
                    made: .now, keyring: keyring.identity, keys: keyring.keys.map { "\($0.id)" }))
            let terminal = Terminal()
            terminal.write(arguments[Shared.json] ? manifest.json.jsonText + "\n" : text(manifest, in: folder))
            if storage.storePath == nil {
                terminal.note("The store is PostgreSQL, which this does not copy: use pg_dump.")
            }
            return ExitCode.done
        }
    }

    private static func text(_ manifest: BackupManifest, in folder: String) -> String {
        var table = Table(["file", "sha256", "bytes"], words: 2)
        for file in manifest.files { table.add([file.name, file.sha256, "\(file.bytes)"]) }
        let holdsKeys = manifest.files.contains { $0.name == RestoreCommand.keyFile }
        let keys = manifest.keys.joined(separator: ", ")
        return table.text
            + (holdsKeys
                ? "\(folder): made, with the keys. Whoever has it can read it.\n"
                : "\(folder): made. It opens with the keyring \(manifest.keyring) (\(keys)), which is not in it.\n")
    }
}
