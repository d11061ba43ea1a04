/// The storeys of the house: who may depend on whom.
enum Layer: String, CaseIterable {
    /// C libraries and the few lines that make them callable.
    case door
    /// Types that all share.
    case ground
    /// Wrappers of C: they could be given away, and know nothing of the product.
    case wrapper
    /// The product's ideas, side by side.
    case domain
    /// One outside thing each, behind a protocol of the domain.
    case adapter
    /// What the product does, out of those ideas.
    case service
    /// The configuration file into the settings of the modules below.
    case settings
    /// The lists of adapters, and the one place that chooses among them.
    case roster
    /// Requests into calls, errors into statuses.
    case edge
    /// Composition roots.
    case app
    case testSupport
    case test

    /// Layers whose modules this one may depend on.
    var below: Set<Layer> {
        switch self {
        case .door: [.door]
        case .ground: [.ground]
        case .wrapper: [.wrapper, .door]
        case .domain: [.wrapper, .ground]
        case .adapter: [.domain, .wrapper, .ground]
        case .service: [.domain, .wrapper, .ground]
        case .settings: [.service, .domain, .wrapper, .ground]
        case .roster: [.settings, .service, .adapter, .domain, .wrapper, .ground]
        case .edge: [.settings, .service, .domain, .wrapper, .ground]
        case .app, .testSupport: [.edge, .roster, .settings, .service, .adapter, .domain, .wrapper, .ground]
        case .test: Set(Layer.allCases)
        }
    }

    /// Where each module stands that neither its name nor its folder gives away.
    private static let modules: [String: Layer] = [
        "Arguments": .ground, "Core": .ground, "Daemon": .ground, "Telemetry": .ground,
        "Configuration": .wrapper, "Encryption": .wrapper, "Hashing": .wrapper, "HTTPClient": .wrapper,
        "HTTPServer": .wrapper, "JSON": .wrapper, "PostgreSQL": .wrapper, "Reactor": .wrapper, "SQLite": .wrapper,
        "Backup": .domain, "ChatCompletions": .domain, "Persistence": .domain, "Providers": .domain,
        "Responses": .domain,
        "StreamClient": .domain, "Streaming": .domain,
        "Journal": .adapter,
        "Chat": .service, "Jobs": .service,
        "Settings": .settings,
        "Plugins": .roster, "Storage": .roster,
        "API": .edge,
        "TestSupport": .testSupport, "store-turns": .app, "FuzzTargets": .testSupport, "PostgresSupport": .testSupport,
        "StoreConformance": .testSupport,
    ]

    /// Arrows against the layers that have a reason.
    static let exceptions: Set<Arrow> = [
        // They hand out values of types that all share: `JSONValue`, and `Secret`.
        Arrow("JSON", "Core"), Arrow("Configuration", "Core"),
        // What all tests use, and a server for some of them.
        Arrow("PostgresSupport", "TestSupport"),
        // What the dialects of one family share: they answer the protocol of `Providers` for them.
        Arrow("ChatCompletions", "Providers"), Arrow("Responses", "Providers"),
    ]

    /// - Returns: `nil` for a module that has no place yet.
    init?(of target: Manifest.Target) {
        if let known = Self.modules[target.name] {
            self = known
        } else if target.type == "test" {
            self = .test
        } else if target.path.hasPrefix("Modules/C/") {
            self = .door
        } else if target.path.hasPrefix("Apps/") || target.path.hasPrefix("Bench/") {
            self = .app
        } else if Self.isAdapter(target.name) {
            self = .adapter
        } else {
            return nil
        }
    }

    private static func isAdapter(_ name: String) -> Bool {
        ["Provider", "Store"].contains { prefix in
            name.hasPrefix(prefix) && name.dropFirst(prefix.count).first?.isUppercase == true
        }
    }
}

/// One target's dependency on another.
struct Arrow: Hashable, CustomStringConvertible {
    var from: String
    var to: String

    init(_ from: String, _ to: String) { (self.from, self.to) = (from, to) }

    var description: String { "\(from) -> \(to)" }
}

extension Manifest {
    /// Modules that stand on no layer.
    var homeless: [String] { targets.filter { Layer(of: $0) == nil }.map(\.name) }

    /// Arrows that the layers forbid.
    var forbiddenArrows: [Arrow] {
        let layers = Dictionary(uniqueKeysWithValues: targets.map { ($0.name, Layer(of: $0)) })
        return targets.flatMap { target in
            target.dependencies.map { Arrow(target.name, $0) }
        }.filter { arrow in
            guard let from = layers[arrow.from] ?? nil, let to = layers[arrow.to] ?? nil else { return false }
            return !from.below.contains(to) && !Layer.exceptions.contains(arrow)
        }
    }

    /// Swift targets that lack a setting that all have, with what they lack.
    var laxTargets: [String] {
        let doors = Set(targets.filter { Layer(of: $0) == .door }.map(\.name))
        return targets.filter { !doors.contains($0.name) }.flatMap { target in
            var required = [Setting("swift.treatAllWarnings", "error"), Setting("swift.swiftLanguageMode", "6")]
            if target.type != "test", Layer(of: target) != .testSupport, doors.isDisjoint(with: target.dependencies) {
                required.append(Setting("swift.strictMemorySafety"))
            }
            return required.filter { !target.settings.contains($0) }.map { "\(target.name) lacks \($0.name)" }
                + target.settings.filter { $0.name == "swift.unsafeFlags" }.map { _ in "\(target.name) has unsafe flags"
                }
        }
    }
}
