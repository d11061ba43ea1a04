import Arguments
import Core
import Storage

/// `medstream migrate`: brings the store to this version.
enum Migrate {
    static let command: Command = Command(
        "migrate", "Bring the store to the form that this version needs",
        details: """
            Servers and workers do the same when they start, and wait for one another meanwhile. Run before them, it \
            shows what would keep them from starting. Steps go forward only: make a backup first.
            """,
        examples: [Command.Example("medstream migrate", "Migrate the store of config/medstream.yaml.")],
        takes: Installation.parameters,
        action: run)

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        await Installation.withStorage(arguments, mayMake: true) { storage in
            Terminal().write("\(storage.storePath ?? "PostgreSQL"): of version \(Product.version) now.\n")
            return ExitCode.done
        }
    }
}
