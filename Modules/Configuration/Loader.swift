/// Reads a file, what it includes and what the command line lays over them, into one tree.
struct Loader {
    let recorder: Recorder
    let environment: [String: String]
    private var files = 0

    init(recorder: Recorder, environment: [String: String]) {
        self.recorder = recorder
        self.environment = environment
    }

    mutating func tree(file: String, overrides: [String]) -> YAMLNode {
        var root = tree(file: file, from: nil, chain: []) ?? Self.empty(file)
        for override in overrides {
            if let layer = layer(override) { root = root.merged(with: layer) }
        }
        return filled(root, path: [])
    }

    mutating func tree(text: [UInt8], file: String, overrides: [String]) -> YAMLNode {
        var root = tree(text, file: file, chain: [Files.absolute(file)]) ?? Self.empty(file)
        for override in overrides {
            if let layer = layer(override) { root = root.merged(with: layer) }
        }
        return filled(root, path: [])
    }

    private static func empty(_ file: String) -> YAMLNode {
        YAMLNode(.mapping([]), at: Location(file: file, line: 1, column: 1))
    }

    // MARK: - Files

    /// Reads one file: `from` is the `include:` that named it, `chain` the files being read, outermost first.
    private mutating func tree(file: String, from: Location?, chain: [String]) -> YAMLNode? {
        let name = Files.absolute(file)
        if let start = chain.firstIndex(of: name) {
            let ring = (chain[start...] + [name]).map { shown(String($0.split(separator: "/").last ?? "")) }
            refuse(file, from, "includes itself: \(ring.joined(separator: " → "))")
            return nil
        }
        files += 1
        guard chain.count < Limits.includeDepth else {
            refuse(file, from, "files include one another more than \(Limits.includeDepth) deep")
            return nil
        }
        guard files <= Limits.files else {
            refuse(file, from, "more than \(Limits.files) files are included")
            return nil
        }
        do throws(Files.Failure) {
            let text = try Files.read(file, limit: Limits.fileBytes)
            return tree(text, file: file, chain: chain + [name])
        } catch {
            refuse(file, from, "cannot read '\(shown(file, limit: 1_000))': \(error.message)")
            return nil
        }
    }

    private func refuse(_ file: String, _ from: Location?, _ message: String) {
        recorder.fail(fatal: .init(from ?? Location(file: file), path: from == nil ? "" : "include", message))
    }

    private mutating func tree(_ text: [UInt8], file: String, chain: [String]) -> YAMLNode? {
        guard var root = YAMLReader.read(text, file: file, recorder: recorder) else { return nil }
        if root.isNull { root = YAMLNode(.mapping([]), at: root.location) }
        guard case .mapping(var entries) = root.content else {
            if root.content != .unusable {
                recorder.fail(fatal: .init(root.location, "expected a mapping of settings, found \(root.kind)"))
            }
            return nil
        }
        guard let place = entries.firstIndex(where: { $0.key == "include" }) else { return root }
        let included = entries.remove(at: place).value
        root.content = .mapping(entries)
        var base = Self.empty(file)
        for (path, location) in paths(filled(included, path: ["include"])) {
            let name = Files.join(Files.folder(of: file), path)
            if let tree = tree(file: name, from: location, chain: chain) { base = base.merged(with: tree) }
        }
        return base.merged(with: root)
    }

    private func paths(_ node: YAMLNode) -> [(String, Location)] {
        switch node.content {
        case .scalar(let scalar) where !scalar.text.isEmpty && !scalar.isNull: return [(scalar.text, node.location)]
        case .sequence(let nodes) where nodes.allSatisfy({ $0.kind == "a single value" }): return nodes.flatMap(paths)
        case .unusable: return []
        default:
            let message = "expected a path or a list of paths, found \(node.found)"
            recorder.fail(.init(node.location, path: "include", message))
            return []
        }
    }

    // MARK: - Overrides

    /// The tree of one `a.b.c=value`.
    private func layer(_ override: String) -> YAMLNode? {
        let location = Location(file: Location.override)
        guard let equals = override.firstIndex(of: "=") else {
            // What follows the name may be a secret.
            let name = override.prefix { $0.isLetter || $0.isNumber || "._-".contains($0) }
            let found = "found no '=' after '\(shown(String(name)))'"
            recorder.fail(.init(location, "expected path=value, such as server.port=0, \(found)"))
            return nil
        }
        let path = override[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let isPath = path.allSatisfy { 1...Limits.keyCharacters ~= $0.unicodeScalars.count }
        guard isPath, path.count < Limits.depth else {
            let found = "found the path '\(dotted(path))'"
            recorder.fail(.init(location, "expected path=value, such as server.port=0, \(found)"))
            return nil
        }
        let text = Array(override[override.index(after: equals)...].utf8)
        let inner = Recorder(file: Location.override)
        let value = text.isEmpty ? nil : YAMLReader.read(text, file: Location.override, recorder: inner)
        for problem in inner.problems { recorder.fail(.init(location, path: dotted(path), problem.message)) }
        guard inner.problems.isEmpty else { return nil }
        let leaf = Self.moved(value ?? YAMLNode(.scalar(.init("")), at: location), to: location)
        return path.reversed().reduce(leaf) { node, key in
            YAMLNode(.mapping([.init(key, at: location, node)]), at: location)
        }
    }

    private static func moved(_ node: YAMLNode, to location: Location) -> YAMLNode {
        switch node.content {
        case .scalar, .unusable: YAMLNode(node.content, at: location)
        case .sequence(let nodes): YAMLNode(.sequence(nodes.map { moved($0, to: location) }), at: location)
        case .mapping(let entries):
            YAMLNode(.mapping(entries.map { .init($0.key, at: location, moved($0.value, to: location)) }), at: location)
        }
    }

    // MARK: - Environment

    /// `node` with the variables of its values filled in; keys are taken as they are.
    private func filled(_ node: YAMLNode, path: [String]) -> YAMLNode {
        var node = node
        switch node.content {
        case .scalar(let scalar): node.content = filled(scalar, at: node.location, path: path)
        case .sequence(let nodes): node.content = .sequence(nodes.map { filled($0, path: path) })
        case .mapping(let entries):
            node.content = .mapping(
                entries.map { .init($0.key, at: $0.location, filled($0.value, path: path + [$0.key])) })
        case .unusable: break
        }
        return node
    }

    private func filled(_ scalar: YAMLNode.Scalar, at location: Location, path: [String]) -> YAMLNode.Content {
        do throws(Substitution.Failure) {
            guard let text = try Substitution.expanded(scalar.text, environment) else { return .scalar(scalar) }
            return .scalar(.init(text, isPlain: scalar.isPlain, template: scalar.text))
        } catch {
            let message =
                switch error {
                case .missing(let name): "the environment variable \(shown(name)) is not set"
                case .malformed: "expected ${NAME} or ${NAME:-default}; the characters ${ themselves are written $${"
                }
            recorder.fail(.init(location, path: dotted(path), message))
            return .unusable
        }
    }
}
