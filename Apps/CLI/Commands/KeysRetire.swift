import Arguments
import Core
import Encryption
import Settings
import Storage

/// `medstream keys retire`: an old key goes for good.
enum KeysRetire {
    static let command: Command = Command(
        "retire", "Take an old key out of the key file, once nothing needs it",
        details: """
            Refuses while anything of the store, the spool or the journal is sealed with the key, and for a minute after \
            a rotation, in which a process may still seal with it. Backups from before need the key still: keep the old \
            copy of the file as long as you keep them.
            """,
        examples: [Command.Example("medstream keys retire 9f3a12bc", "Take out that key.")],
        takes: [id] + Installation.parameters,
        action: run)

    private static let id = Operand<Identity>("ID", "The key's id, as 'keys show' prints it", expects: "a key's id")

    private struct Identity: LosslessStringConvertible {
        let key: KeyID

        init?(_ description: String) {
            guard let key = KeyID(description) else { return nil }
            self.key = key
        }

        var description: String { key.description }
    }

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        guard let id = arguments[id]?.key else { throw UsageError("expected the ID of a key") }
        return await Installation.withStorage(arguments) { storage in
            let keyring = try storage.keys()
            guard let path = keyring.path else {
                Terminal().note(
                    "The keys are in the setting 'encryption.keys': take the line out where they come from.")
                return ExitCode.configuration
            }
            // Before the rows are counted: the file itself would be the last to refuse.
            let keys = keyring.keys
            guard keys.contains(where: { $0.id == id }) else { throw KeyringError.unknownKey(id) }
            guard keyring.currentKey != id else { throw KeyringError.currentKey(id) }
            if let age = keys.last?.age, age < Self.grace {
                Terminal().note(
                    "The current key is younger than a minute: a process may not know it yet. Try again then.")
                return ExitCode.failed
            }
            let uses = try await storage.uses(of: id)
            guard uses.isEmpty else {
                let list = uses.sorted { $0.key < $1.key }.map { "\($0.value) in \($0.key)" }.joined(separator: ", ")
                Terminal().note(
                    "The key \(id) is needed: \(list). 'medstream keys reencrypt' seals rows anew; what is in the journal goes with its streams, after streaming.retention."
                )
                return ExitCode.failed
            }
            try Keyring.retire(id, file: path)
            Terminal().write("The key \(id) is gone from \(path). Older backups need it: keep its copy with them.\n")
            return ExitCode.done
        }
    }

    /// In seconds; many times what a process takes to see that the file has changed.
    private static let grace = 60
}
