import Arguments
import Core
import Encryption
import Settings

/// `medstream keys rotate`: a new key becomes the current one.
enum KeysRotate {
    static let command: Command = Command(
        "rotate", "Add a new key and seal with it from now on",
        details: """
            Servers and workers that run take the new key up within two seconds, or at once when they get SIGHUP; nothing \
            stands still. What is there stays sealed with the older keys, which stay in the file, until the worker has \
            sealed it anew.
            """,
        examples: [
            Command.Example("medstream keys rotate", "Change the file that the configuration names."),
            Command.Example("medstream keys rotate --print", "Print a line to add where encryption.keys come from."),
        ],
        takes: Installation.parameters + [KeysCreate.print, Shared.json],
        action: { arguments in run(arguments) })

    private static func run(_ arguments: Arguments) -> Int32 {
        if arguments[KeysCreate.print] {
            Terminal().write(String(decoding: Keyring.newLine(), as: UTF8.self))
            return ExitCode.done
        }
        guard let settings = Installation.settings(arguments) else { return ExitCode.configuration }
        guard settings.encryption.keys == nil else {
            Terminal().note(
                "The keys are in the setting 'encryption.keys': add the line that --print prints behind them, and restart."
            )
            return ExitCode.configuration
        }
        do throws(KeyringError) {
            let id = try Keyring.rotate(file: settings.encryption.keyFile)
            Terminal().write(
                arguments[Shared.json]
                    ? JSONValue.object(["current": .string("\(id)")]).jsonText + "\n"
                    : "The key \(id) seals from now on. Copy \(settings.encryption.keyFile) to where you keep it.\n")
            return ExitCode.done
        } catch {
            return Installation.refuse(error)
        }
    }
}
