import Arguments
import Chat
import Configuration
import Core
import Providers
import Settings

/// `medstream providers`: the models' providers of a configuration, without a server.
enum ProvidersCommand {
    static let command: Command = Command(
        "providers", "List, check and try the models' providers of a configuration",
        details: "Reads what a server started here would read, and asks the providers itself. Keys are never printed.",
        examples: [
            Command.Example("medstream providers list", "What is set up?"),
            Command.Example("medstream providers check", "Does all of it work?"),
            Command.Example("medstream providers try demo \"Hello\"", "What does an answer look like?"),
        ],
        subcommands: [ProvidersList.command, ProvidersCheck.command, ProvidersTry.command])

    static let config = Option<String>(
        "config", "FILE", "The configuration, \(Config.standardFile) without it", values: .files)

    /// What a configuration says of its providers.
    struct Setup {
        let prices: PriceTable
        /// By name, in the order of the alphabet.
        let providers: [ProviderFacts]

        /// - Throws: `UsageError` for a name that no provider has.
        func provider(_ name: String) throws(UsageError) -> ProviderFacts {
            if let found = providers.first(where: { $0.name == name }) { return found }
            let names = providers.map(\.name)
            let hint =
                nearest(to: name, among: names).map { "did you mean '\($0)'?" }
                ?? "there are: \(names.joined(separator: ", "))"
            throw UsageError("no provider is called '\(name)'; \(hint)")
        }
    }

    /// Reads the configuration; `nil` when it is wrong, which has been said then.
    static func setup(_ arguments: Arguments) -> Setup? {
        switch Config.load(arguments[config] ?? Config.standardFile, arguments) {
        case .failure(let report):
            Terminal().note("\(report)")
            return nil
        case .success((let settings, let configuration)):
            let facts = settings.providers.values.map { ProviderFacts($0, settings, configuration) }
            return Setup(prices: settings.chat.prices, providers: facts.sorted { $0.name < $1.name })
        }
    }
}
