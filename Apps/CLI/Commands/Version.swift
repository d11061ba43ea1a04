import Arguments
import Core

/// `medstream version`.
enum Version {
    static let command: Command = Command(
        "version", "Print the version",
        examples: [Command.Example("medstream version --json", "Print it for a program.")],
        takes: [Shared.json],
        action: { print(asJSON: $0[Shared.json]) })

    static func print(asJSON: Bool) -> Int32 {
        let json = JSONValue.object(["version": .string(Product.version)]).jsonText
        Terminal().write(asJSON ? "\(json)\n" : "medstream \(Product.version)\n")
        return ExitCode.done
    }
}
