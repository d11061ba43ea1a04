import Arguments
import Core
import Encryption
import Settings

/// `medstream keys show`: which keys there are, without their secrets.
enum KeysShow {
    static let command: Command = Command(
        "show", "List the keys, without their secrets",
        details: """
            The keyring's own name stays the same through all rotations: two files with the same name belong to the same \
            data.
            """,
        examples: [
            Command.Example("medstream keys show", "Those of config/medstream.yaml."),
            Command.Example("medstream keys show --json | jq -r .current", "The id of the current one."),
        ],
        takes: Installation.parameters + [Shared.json],
        action: { arguments in run(arguments) })

    private static func run(_ arguments: Arguments) -> Int32 {
        guard let settings = Installation.settings(arguments) else { return ExitCode.configuration }
        do throws(KeyringError) {
            let keyring = try settings.encryption.keyring()
            Terminal().write(arguments[Shared.json] ? json(keyring) : text(keyring))
            return ExitCode.done
        } catch {
            return Installation.refuse(error)
        }
    }

    private static func text(_ keyring: Keyring) -> String {
        var table = Table(["key", "made", "use"], words: 3)
        for key in keyring.keys {
            table.add(["\(key.id)", key.made, key.isCurrent ? "seals and opens" : "opens"])
        }
        return "Keyring \(keyring.identity), \(keyring.path.map { "in \($0)" } ?? "in the setting encryption.keys")\n"
            + table.text
    }

    private static func json(_ keyring: Keyring) -> String {
        let keys = keyring.keys.map { key -> JSONValue in
            ["id": .string("\(key.id)"), "made": .string(key.made), "current": .bool(key.isCurrent)]
        }
        return JSONValue.object([
            "keyring": .string(keyring.identity), "file": keyring.path.map(JSONValue.string) ?? .null,
            "current": .string("\(keyring.currentKey)"), "keys": .array(keys),
        ]).jsonText + "\n"
    }
}
