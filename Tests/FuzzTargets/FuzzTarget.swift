/// A door to the outside through which any bytes may come, with what must hold whatever they are.
///
/// The same function serves the fuzzer, which looks for inputs that break it, and the tests, which run it on every input
/// that is kept in `Tests/Fuzz/Corpus`. To add one: a case here, a file with its `run`, a folder with a few good inputs.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// The decoder of server-sent events, as providers and servers send them.
    case events
    /// What a client may send to the HTTP server.
    case http
    /// A configuration file.
    case settings

    /// Runs one input.
    ///
    /// - Throws: ``Breach`` when something did not hold; what is worse crashes.
    public func run(_ input: [UInt8]) throws(Breach) {
        switch self {
        case .events: try EventsTarget.run(input)
        case .http: try HTTPTarget.shared.run(input)
        case .settings: try SettingsTarget.run(input)
        }
    }
}

/// A promise that an input broke.
public struct Breach: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
