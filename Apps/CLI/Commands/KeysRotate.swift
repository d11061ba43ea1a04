import Arguments
import Core
import Encryption
import Persistence
import Settings
import Storage

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
        action: run)

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
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
            let isHandedOn = await order(settings, id)
            Terminal().write(
                arguments[Shared.json]
                    ? JSONValue.object(["current": .string("\(id)"), "job": .bool(isHandedOn)]).jsonText + "\n"
                    : "The key \(id) seals from now on. Copy \(settings.encryption.keyFile) to where you keep it.\n"
                        + (isHandedOn ? "The worker seals anew what is there.\n" : ""))
            return ExitCode.done
        } catch {
            return Installation.refuse(error)
        }
    }

    /// Gives the worker the job of sealing anew what is there.
    ///
    /// - Returns: whether there is a store, whose worker will do so. Without, the next periodic job does.
    private static func order(_ settings: Settings, _ key: KeyID) async -> Bool {
        guard let storage = try? await Installation.open(settings, mayMake: false) else { return false }
        // By then every worker has taken the new key up.
        let job = NewJob(kind: .reencrypt, uniqueKey: "reencrypt:\(key)", delay: .seconds(5))
        let count = try? await storage.queues.first?.queue.enqueue([job])
        await storage.close()
        return count == 1
    }
}
