import Arguments
import Core

/// `medstream providers list`: what is set up.
enum ProvidersList {
    static let command: Command = Command(
        "list", "List the providers with their models, hosts and routes",
        details: """
            A route is followed by the provider's place in it, where that is not the first. The key is 'set' or '-'; it \
            is never printed.
            """,
        examples: [
            Command.Example("medstream providers list", "Those of config/medstream.yaml."),
            Command.Example("medstream providers list --config production.yaml", "Those of another file."),
            Command.Example("medstream providers list --json | jq -r .name", "Their names, for a script."),
        ],
        takes: [ProvidersCommand.config, Config.overrides, Shared.json],
        action: { arguments in
            guard let setup = ProvidersCommand.setup(arguments) else { return ExitCode.configuration }
            let providers = setup.providers
            Terminal().write(arguments[Shared.json] ? providers.map(json).joined() : text(providers))
            return ExitCode.done
        })

    private static func text(_ providers: [ProviderFacts]) -> String {
        var table = Table(["name", "kind", "model", "host", "key", "routes"], words: 6)
        for provider in providers {
            let routes = provider.routes.map {
                $0.place == 1 ? $0.name : "\($0.name) (\($0.place))"
            }
            table.add([
                provider.name, provider.kind, provider.model, provider.host ?? "-", provider.hasKey ? "set" : "-",
                routes.isEmpty ? "-" : routes.joined(separator: ", "),
            ])
        }
        return table.text
    }

    private static func json(_ provider: ProviderFacts) -> String {
        var members = provider.json
        members["key"] = .bool(provider.hasKey)
        members["routes"] = .array(
            provider.routes.map { ["route": .string($0.name), "place": .int(Int64($0.place))] })
        return JSONValue.object(members).jsonText + "\n"
    }
}
