import Configuration
import Core
import HTTPClient
import Providers
import Settings

/// What a configuration says of one provider; nothing of it is secret.
struct ProviderFacts: Sendable {
    let provider: any Provider
    /// The address that is asked, without a query; `nil` where none is.
    let url: String?
    /// Whether a key is set, here or in the environment.
    let hasKey: Bool
    /// The routes that lead here, each with this provider's place in it, from 1.
    let routes: [(name: String, place: Int)]

    var name: String { provider.name }
    var kind: String { type(of: provider).kind }
    var model: String { provider.model }

    init(_ provider: any Provider, _ settings: Settings, _ configuration: Configuration) {
        self.provider = provider
        let name = provider.name
        let request = (provider as? any Dialect).map { $0.signed($0.request(for: Prompt([])), at: .now) }
        url = request.map { String($0.url.prefix { $0 != "?" }) }
        let isAuthorised = request?.headers.contains { $0.name.lowercased() == "authorization" } ?? false
        hasKey =
            isAuthorised
            || configuration.effective.contains {
                $0.path.hasPrefix("providers.\(name).") && $0.isSecret && $0.value == "<secret>"
            }
        routes = settings.routes.sorted { $0.key < $1.key }.compactMap { route, providers in
            providers.providers.firstIndex(of: name).map { (route, $0 + 1) }
        }
    }

    /// Host and port of the address.
    var host: String? {
        guard let url, let scheme = url.firstRange(of: "://") else { return nil }
        return String(url[scheme.upperBound...].prefix { $0 != "/" })
    }

    /// As it stands in the JSON of all commands.
    var json: [String: JSONValue] {
        [
            "name": .string(name), "kind": .string(kind), "model": .string(model),
            "host": host.map(JSONValue.string) ?? .null,
        ]
    }
}
