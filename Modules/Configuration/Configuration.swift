import FoundationEssentials

/// The settings of a process: a YAML file, what it includes, the environment and the command line, as one tree.
///
/// Load it, read every setting through ``root``, then call ``finish()``: only then are the keys known that nobody asked
/// for, and everything that is wrong is reported at once. Not `Sendable`: settings are read by one task, into structs
/// that are.
public struct Configuration {
    /// The outermost mapping.
    public let root: Section
    private let recorder: Recorder

    private init(_ recorder: Recorder, _ tree: YAMLNode) throws(ConfigurationReport) {
        guard !recorder.isBroken else { throw ConfigurationReport(recorder.problems) }
        self.recorder = recorder
        root = Section(tree, path: [], location: tree.location, recorder: recorder)
    }

    /// Reads a file with what it includes, and lays `overrides` over it.
    ///
    /// - Parameters:
    ///   - file: at most 1 MiB, 64 levels deep, one document, without anchors and tags; 100,000 values and 64 files
    ///     with all that is included.
    ///   - overrides: `a.b.c=value`, the value as YAML writes it on one line; nothing after `=` means the default.
    ///   - environment: the variables of `${NAME}`; those of the process by default.
    /// - Returns: the settings, still to be read.
    /// - Throws: ``ConfigurationReport`` when a file is not there or is not YAML. What is wrong with single values waits
    ///   for ``finish()``.
    public static func load(
        file: String, overrides: [String] = [], environment: [String: String]? = nil
    ) throws(ConfigurationReport) -> Configuration {
        let environment = environment ?? ProcessInfo.processInfo.environment
        let recorder = Recorder(file: file, environment: environment)
        var loader = Loader(recorder: recorder, environment: environment)
        return try Configuration(recorder, loader.tree(file: file, overrides: overrides))
    }

    /// Reads a text instead of a file; paths and `include:` are relative to the folder of `file`.
    ///
    /// - Throws: ``ConfigurationReport`` as ``load(file:overrides:environment:)``.
    public static func parse(
        _ text: some Sequence<UInt8>, file: String = "settings.yaml", overrides: [String] = [],
        environment: [String: String] = [:]
    ) throws(ConfigurationReport) -> Configuration {
        let recorder = Recorder(file: file, environment: environment)
        var loader = Loader(recorder: recorder, environment: environment)
        return try Configuration(recorder, loader.tree(text: Array(text), file: file, overrides: overrides))
    }

    /// Ends the reading: every key must have been asked for by now.
    ///
    /// - Throws: ``ConfigurationReport`` with every problem of the load and of the readers, and every unknown key.
    public func finish() throws(ConfigurationReport) {
        let report = ConfigurationReport(recorder.problems + recorder.unknownKeys())
        guard report.problems.isEmpty else { throw report }
    }

    /// Every setting that was asked for, in the order of asking.
    public var effective: [Setting] {
        recorder.effective.map { path, value, origin in
            Setting(path: dotted(path), value: value.yaml, isSecret: value.isSecret, origin: origin)
        }
    }

    /// ``effective`` as YAML, which loads again to the same settings wherever it is put, but for its secrets.
    public var effectiveYAML: String { EffectiveTree(recorder.effective.map { ($0.path, $0.value) }).yaml }

    /// A setting as it is in force.
    public struct Setting: Sendable, Hashable {
        /// Such as `server.port`.
        public let path: String
        /// On one line, as YAML writes it; `<secret>` for a secret, `null` for nothing.
        public let value: String
        public let isSecret: Bool
        /// Where it was set; `nil` for a default.
        public let origin: Location?
    }
}
