import Arguments
import Configuration
import Plugins
import Providers
import Settings

/// `medstream config`: the configuration, without a server.
enum Config {
    static let command: Command = Command(
        "config", "Check or show the configuration",
        details: "Reads what a server started here would read, and starts nothing.",
        examples: [
            Command.Example("medstream config check", "Is config/medstream.yaml right?"),
            Command.Example("medstream config show production.yaml", "What is in force?"),
        ],
        subcommands: [ConfigCheck.command, ConfigShow.command])

    static let parameters: [any Parameter] = [file, config, overrides, Shared.json]

    static let standardFile = "config/medstream.yaml"
    private static let file = Operand<String>("FILE", "The file, \(standardFile) without it", values: .files)
    private static let config = Option<String>("config", "FILE", "The same, as the server takes it", values: .files)
    static let overrides = Option<String>(
        "set", "KEY=VALUE", "Lay one setting over the file, as in --set server.port=0", isRepeated: true)

    static func file(_ arguments: Arguments) throws(UsageError) -> String {
        if arguments[file] != nil, arguments[config] != nil {
            throw UsageError("FILE and --config are the same thing; give one of them")
        }
        return arguments[file] ?? arguments[config] ?? standardFile
    }

    /// Reads the settings as a server does, to show them.
    static func read(_ arguments: Arguments) throws(UsageError) -> Result<Configuration, ConfigurationReport> {
        load(try file(arguments), arguments).map(\.1)
    }

    /// Reads the settings as a server does.
    static func load(
        _ file: String, _ arguments: Arguments
    ) -> Result<(Settings, Configuration), ConfigurationReport> {
        do throws(ConfigurationReport) {
            let registry = ProviderRegistry(plugins)
            return .success(try Settings.load(file: file, overrides: arguments.all(overrides), registry: registry))
        } catch {
            return .failure(error)
        }
    }
}
