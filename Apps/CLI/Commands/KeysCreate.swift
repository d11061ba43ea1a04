import Arguments
import Encryption
import Foundation
import Settings

/// `medstream keys create`: the first key of an installation.
enum KeysCreate {
    static let command: Command = Command(
        "create", "Make the key file of a new installation",
        details: """
            Writes encryption.key_file with one key, readable by its owner alone. A server does the same at its first \
            start. A file that is there is never changed. Keep a copy apart from the data: without it nothing can be read.
            """,
        examples: [
            Command.Example("medstream keys create", "Make the file that the configuration names."),
            Command.Example(
                "medstream keys create --print | vault kv put secret/medstream keys=-", "Keep it elsewhere."),
        ],
        takes: Installation.parameters + [print],
        action: { arguments in run(arguments) })

    static let print = Flag("print", "Print the new secret instead of writing a file, for a secret store")

    private static func run(_ arguments: Arguments) -> Int32 {
        if arguments[print] {
            Terminal().write(String(decoding: Keyring.newText(), as: UTF8.self))
            return ExitCode.done
        }
        guard let settings = Installation.settings(arguments) else { return ExitCode.configuration }
        guard settings.encryption.keys == nil else {
            Terminal().note("The keys are in the setting 'encryption.keys'; --print prints lines for it.")
            return ExitCode.configuration
        }
        let path = settings.encryption.keyFile
        // Where the data will be is made as a server makes it; a folder elsewhere is the operator's to make.
        if path.hasPrefix(settings.dataDirectory + "/") {
            try? FileManager.default.createDirectory(
                atPath: settings.dataDirectory, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        }
        do throws(KeyringError) {
            let keyring = try settings.encryption.createKeyring()
            Terminal().write("\(path): made, with the key \(keyring.currentKey). Keep a copy apart from the data.\n")
            return ExitCode.done
        } catch {
            return Installation.refuse(error)
        }
    }
}
