/// Everything that is wrong with a configuration, in the order of the files.
public struct ConfigurationReport: Error, Sendable, Hashable {
    /// Sorted by file, line and column; never empty in a report that was thrown.
    public let problems: [Problem]
    /// Lines in ``description``; a file of 100,000 mistakes does not fill a terminal.
    static let shownProblems = 100

    public init(_ problems: [Problem]) {
        var seen: Set<Problem> = []
        self.problems = problems.filter { seen.insert($0).inserted }.enumerated()
            .sorted { ($0.element.location, $0.offset) < ($1.element.location, $1.offset) }.map(\.element)
    }

    /// One thing that is wrong, and where.
    public struct Problem: Error, Sendable, Hashable {
        public var location: Location
        /// The setting, as in `server.limits.body_bytes`; empty when the file as a whole is meant.
        public var path: String
        /// What was expected and what was found; never the value of a secret or of an environment variable.
        public var message: String
        /// The valid name nearest to one that is not.
        public var suggestion: String?

        public init(_ location: Location, path: String = "", _ message: String, suggestion: String? = nil) {
            self.location = location
            self.path = path
            self.message = message
            self.suggestion = suggestion
        }
    }
}

extension ConfigurationReport.Problem: CustomStringConvertible {
    /// One line: `file:line:column: path: message; did you mean 'name'?`.
    public var description: String {
        let hint = suggestion.map { "; did you mean '\(shown($0))'?" } ?? ""
        return "\(location): \(path.isEmpty ? "" : "\(path): ")\(message)\(hint)"
    }
}

extension ConfigurationReport: CustomStringConvertible {
    /// One line per problem, then how many there are.
    public var description: String {
        let hidden = problems.count - Self.shownProblems
        let lines = problems.prefix(Self.shownProblems).map(\.description) + (hidden > 0 ? ["(\(hidden) more)"] : [])
        return (lines + ["\(problems.count) problem\(problems.count == 1 ? "" : "s") in the configuration"])
            .joined(separator: "\n")
    }
}

/// `text` fit for one line of a message: control characters escaped, at most `limit` characters.
func shown(_ text: String, limit: Int = 60) -> String {
    let line = text.prefix(limit).unicodeScalars.map { scalar in
        scalar.properties.generalCategory == .control ? scalar.escaped(asASCII: false) : String(scalar)
    }
    return line.joined() + (text.dropFirst(limit).isEmpty ? "" : "…")
}

/// The names of a path joined by dots, fit for one line.
func dotted(_ path: [String]) -> String { path.map { shown($0) }.joined(separator: ".") }
