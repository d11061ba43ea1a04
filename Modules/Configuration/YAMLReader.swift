/// Builds the tree of one YAML text, within bounds.
///
/// What can be read despite a mistake is read on, so that one report names them all; only a syntax error ends it.
struct YAMLReader: ~Copyable {
    private var events: YAMLEvents
    private let file: String
    private let recorder: Recorder
    private var depth = 0

    /// The node of the whole text; an empty text is an empty mapping.
    ///
    /// - Parameters:
    ///   - text: the bytes of the file, UTF-8 with or without a byte order mark.
    ///   - file: its name in locations.
    ///   - recorder: told of every problem; also counts the nodes of all files together.
    /// - Returns: `nil` when the text cannot be read as a whole, which has then been reported.
    static func read(_ text: [UInt8], file: String, recorder: Recorder) -> YAMLNode? {
        do throws(ConfigurationReport.Problem) {
            var reader = try YAMLReader(text, file: file, recorder: recorder)
            return try reader.document()
        } catch {
            recorder.fail(fatal: error)
            return nil
        }
    }

    private init(
        _ text: [UInt8], file: String, recorder: Recorder
    ) throws(ConfigurationReport.Problem) {
        guard text.count <= Limits.fileBytes else {
            throw .init(Location(file: file), "larger than \(Limits.fileBytes >> 20) MiB")
        }
        let body = text.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text.dropFirst(3)) : text
        events = YAMLEvents(try Substitution.shielded(body, file: file))
        self.file = file
        self.recorder = recorder
    }

    private mutating func document() throws(ConfigurationReport.Problem) -> YAMLNode {
        var root: YAMLNode?
        while true {
            let event = try next()
            switch event.kind {
            case .streamEnd: return root ?? YAMLNode(.mapping([]), at: Location(file: file, line: 1, column: 1))
            case .documentStart:
                guard root == nil else {
                    throw .init(location(event), "a second document begins here; a file holds one")
                }
                root = try node(try next())
            default: break
            }
        }
    }

    private mutating func node(_ event: YAMLEvent) throws(ConfigurationReport.Problem) -> YAMLNode {
        guard recorder.count(nodes: 1) else {
            throw .init(location(event), "more than \(Limits.nodes) values in the configuration")
        }
        switch event.kind {
        case .scalar(let text, let isPlain, let decoration):
            refuse(decoration, event)
            return YAMLNode(.scalar(.init(Substitution.unshielded(text), isPlain: isPlain)), at: location(event))
        case .sequenceStart(let decoration):
            refuse(decoration, event)
            return YAMLNode(.sequence(try elements(of: event)), at: location(event))
        case .mappingStart(let decoration):
            refuse(decoration, event)
            return YAMLNode(.mapping(try entries(of: event)), at: location(event))
        case .alias: refuse(.anchor, event)
        default: break
        }
        return YAMLNode(.unusable, at: location(event))
    }

    private mutating func enter(_ event: YAMLEvent) throws(ConfigurationReport.Problem) {
        depth += 1
        guard depth <= Limits.depth else { throw .init(location(event), "nested more than \(Limits.depth) deep") }
    }

    private mutating func elements(of start: YAMLEvent) throws(ConfigurationReport.Problem) -> [YAMLNode] {
        try enter(start)
        defer { depth -= 1 }
        var elements: [YAMLNode] = []
        while true {
            let event = try next()
            if event.kind == .end { return elements }
            elements.append(try node(event))
        }
    }

    private mutating func entries(of start: YAMLEvent) throws(ConfigurationReport.Problem) -> [YAMLNode.Entry] {
        try enter(start)
        defer { depth -= 1 }
        var entries: [YAMLNode.Entry] = []
        var lines: [String: Int] = [:]
        while true {
            let event = try next()
            if event.kind == .end { return entries }
            let key = try node(event)
            let value = try node(try next())
            guard case .scalar(let scalar) = key.content else {
                if key.content != .unusable { report(event, "a key must be a single value, found \(key.kind)") }
                continue
            }
            guard !scalar.text.isEmpty else {
                report(event, "a key is empty")
                continue
            }
            guard scalar.text.unicodeScalars.count <= Limits.keyCharacters else {
                report(event, "a key is longer than \(Limits.keyCharacters) characters")
                continue
            }
            guard let first = lines[scalar.text] else {
                lines[scalar.text] = event.line
                entries.append(.init(scalar.text, at: key.location, value))
                continue
            }
            report(event, "the key '\(shown(scalar.text))' stands already on line \(first)")
        }
    }

    private mutating func next() throws(ConfigurationReport.Problem) -> YAMLEvent {
        do throws(YAMLSyntaxError) {
            return try events.next()
        } catch {
            let message =
                error.message.contains("cannot start any token")
                ? "\(error.message) (text that begins with it needs quotes; a tab cannot indent)" : error.message
            throw .init(Location(file: file, line: error.line, column: error.column), "not YAML: \(message)")
        }
    }

    private func refuse(_ decoration: YAMLEvent.Decoration?, _ event: YAMLEvent) {
        switch decoration {
        // An alias of an alias of an alias is a small file that fills the memory.
        case .anchor:
            report(event, "anchors (&name) and aliases (*name) are not supported; text with them needs quotes")
        case .tag: report(event, "tags (!name) are not supported; text that begins with ! needs quotes")
        case nil: break
        }
    }

    private func report(_ event: YAMLEvent, _ message: String) {
        recorder.fail(.init(location(event), message))
    }

    private func location(_ event: YAMLEvent) -> Location {
        Location(file: file, line: event.line, column: event.column)
    }
}

/// Bounds of a configuration: far above any real one, far below what would hurt.
enum Limits {
    static let fileBytes = 1 << 20
    static let secretBytes = 64 << 10
    static let depth = 64
    /// libyaml reads a key of at most 1,024 characters, and any one of these may have to be written as six (`\u0000`).
    static let keyCharacters = 128
    /// Keys and values of all files together.
    static let nodes = 100_000
    static let files = 64
    static let includeDepth = 16
}
