import Core

/// What a configuration knows of its own reading: the problems so far, and every key that was asked for.
final class Recorder {
    /// The file that was loaded, not one that it includes.
    let file: String
    /// The variables that the configuration was loaded with.
    let environment: [String: String]
    private(set) var problems: [ConfigurationReport.Problem] = []
    /// Whether a file could not be read at all, so that reading settings would only report what follows from that.
    private(set) var isBroken = false
    private var nodes = 0
    private var visits: [[String]: Visit] = [:]
    private var visitedPaths: [[String]] = []
    private var order: [[String]] = []
    private var settings: [[String]: EffectiveValue] = [:]
    private var origins: [[String]: Location] = [:]

    init(file: String, environment: [String: String] = [:]) {
        self.file = file
        self.environment = environment
    }

    func fail(_ problem: ConfigurationReport.Problem) { problems.append(problem) }

    func fail(fatal problem: ConfigurationReport.Problem) {
        problems.append(problem)
        isBroken = true
    }

    /// - Returns: whether there is still room.
    func count(nodes more: Int) -> Bool {
        nodes += more
        return nodes <= Limits.nodes
    }

    /// The mapping at `path` as it is being read; asking again continues the same reading.
    func visit(_ path: [String], _ entries: @autoclosure () -> [YAMLNode.Entry]) -> Visit {
        if let visit = visits[path] { return visit }
        let visit = Visit(entries())
        visits[path] = visit
        visitedPaths.append(path)
        return visit
    }

    /// The first value of a key counts: a key that is read twice is one setting.
    func record(_ value: EffectiveValue, at path: [String], from location: Location?) {
        guard settings[path] == nil else { return }
        settings[path] = value
        origins[path] = location
        order.append(path)
    }

    func value(at path: [String]) -> EffectiveValue? { settings[path] }

    var effective: [(path: [String], value: EffectiveValue, origin: Location?)] {
        order.compactMap { path in settings[path].map { (path, $0, origins[path]) } }
    }

    /// One problem for every key that stands in a mapping that was read and was not asked for.
    func unknownKeys() -> [ConfigurationReport.Problem] {
        visitedPaths.flatMap { path in
            guard let visit = visits[path] else { return [ConfigurationReport.Problem]() }
            return visit.unread.map { entry in
                let open = visit.asked.filter { visit.index[$0] == nil }
                let suggestion = nearest(to: entry.key, among: open) ?? nearest(to: entry.key, among: visit.asked)
                let listed = suggestion == nil && (1...12).contains(visit.asked.count)
                let list = listed ? "; known here: \(visit.asked.joined(separator: ", "))" : ""
                return .init(
                    entry.location, path: dotted(path + [entry.key]), "unknown key\(list)", suggestion: suggestion)
            }
        }
    }

    /// One mapping being read.
    final class Visit {
        let entries: [YAMLNode.Entry]
        let index: [String: Int]
        private(set) var asked: [String] = []
        private var askedSet: Set<String> = []
        /// Set where the reader cannot know the keys, such as below a provider of an unknown kind.
        var allowsUnknownKeys = false

        init(_ entries: [YAMLNode.Entry]) {
            self.entries = entries
            index = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.key, $0) })
        }

        func ask(_ key: String) -> YAMLNode.Entry? {
            if askedSet.insert(key).inserted { asked.append(key) }
            return index[key].map { entries[$0] }
        }

        var unread: [YAMLNode.Entry] { allowsUnknownKeys ? [] : entries.filter { !askedSet.contains($0.key) } }
    }
}
