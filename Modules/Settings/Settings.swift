public import Chat
public import Configuration
public import HTTPServer
public import Persistence
public import Providers
public import Streaming
public import Telemetry

/// Everything a process is told by its configuration, read and checked.
public struct Settings: Sendable {
    public var server = HTTPServerSettings()
    /// The folder of the web page; nothing is served from disk when `nil`.
    public var staticDirectory: String?
    public var auth = Auth.development
    public var logs = Logs()
    /// The folder of every file that the product writes; made when it is missing.
    public var dataDirectory = "data"
    public var persistence = PersistenceSettings()
    public var encryption = EncryptionSettings()
    public var worker = WorkerProcessSettings()
    /// How long conversations and cases are kept.
    public var retention = RetentionPolicy()
    public var streaming = StreamingSettings()
    public var chat = ChatSettings()
    /// By name.
    public var providers: [String: any Provider] = [:]
    /// How failures of each provider are dealt with, by its name.
    public var handling: [String: Handling] = [:]
    /// By name; those of the stages that are conversations are always there.
    public var routes: [String: RouteSettings] = [:]
    public var flags = FeatureFlags()

    /// Who may come in.
    public enum Auth: String, Sendable, CaseIterable {
        /// One local user and no password; on loopback addresses alone.
        case development
    }

    /// How failures of a provider are dealt with.
    public struct Handling: Sendable, Hashable {
        public var policy: FailurePolicy
        public var firstToken: Duration
        public var limits: ProviderGate.Limits
    }

    /// One route, by the names of its providers.
    public struct RouteSettings: Sendable, Hashable {
        /// First choice first; at least one in settings that were accepted.
        public var providers: [String]
        public var rescue: ModelRoute.Rescue

        public init(_ providers: [String], rescue: ModelRoute.Rescue = .continue) {
            self.providers = providers
            self.rescue = rescue
        }
    }

    public struct Logs: Sendable {
        public var level = Log.Level.info
        /// Whether each request is logged.
        public var access = true
    }

    /// Reads a configuration file.
    ///
    /// - Parameters:
    ///   - file: see ``Configuration/Configuration/load(file:overrides:environment:)``.
    ///   - overrides: `a.b.c=value`, laid over the file.
    ///   - registry: the kinds of providers there are.
    /// - Returns: the settings, and the configuration they came from, to show what is in force.
    /// - Throws: ``Configuration/ConfigurationReport`` with everything that is wrong.
    public static func load(
        file: String, overrides: [String] = [], registry: ProviderRegistry
    ) throws(ConfigurationReport) -> (Settings, Configuration) {
        let configuration = try Configuration.load(file: file, overrides: overrides)
        let settings = Settings(configuration.root, registry)
        try configuration.finish()
        return (settings, configuration)
    }
}
