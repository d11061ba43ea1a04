import Chat
import Providers
import Settings
import Streaming
import Synchronization

/// The routes in force, and the gates of their providers, which outlive a reload: a breaker that is open stays so.
final class Routing: Sendable {
    private struct State {
        var gates: [String: ProviderGate] = [:]
        var routes: [String: ModelRoute] = [:]
    }

    private let state = Mutex(State())

    init(_ settings: Settings) { use(settings) }

    /// By name.
    var routes: [String: ModelRoute] { state.withLock { $0.routes } }

    /// The gates by the names of their providers, for metrics.
    var gates: [String: ProviderGate] { state.withLock { $0.gates } }

    /// Takes over the providers and routes of new settings; answers under way keep theirs.
    func use(_ settings: Settings) {
        state.withLock { state in
            state.gates = state.gates.filter { settings.handling[$0.key] != nil }
            var targets: [String: ModelRoute.Target] = [:]
            for (name, provider) in settings.providers {
                guard let handling = settings.handling[name] else { continue }
                let gate = state.gates[name] ?? ProviderGate(handling.limits)
                gate.change(handling.limits)
                state.gates[name] = gate
                targets[name] = ModelRoute.Target(
                    provider, policy: handling.policy,
                    patience: Patience(firstToken: handling.firstToken, silence: settings.streaming.idleTimeout),
                    gate: gate)
            }
            state.routes = [:]
            for (name, route) in settings.routes {
                let known = route.providers.compactMap { targets[$0] }
                if !known.isEmpty { state.routes[name] = ModelRoute(name, to: known, rescue: route.rescue) }
            }
            // A provider alone is a route of its own, for clients that ask for it by name.
            for (name, target) in targets where state.routes[name] == nil {
                state.routes[name] = ModelRoute(name, to: [target])
            }
        }
    }
}
