public import Core

extension Section {
    // MARK: - Paths

    /// A path from the root: what stands in a file is relative to that file, all else to the working folder.
    public func path(_ key: String, default value: String) -> String {
        path(key, fallback: Files.absolute(value)) ?? Files.absolute(value)
    }

    /// A path as ``path(_:default:)``, whose default is relative to the file that the section stands in: for what is
    /// shipped with that file.
    public func path(_ key: String, defaultBesideFile value: String) -> String {
        let isInFile = location.file != Location.override
        return path(key, default: resolved(value, at: isInFile ? location : Location(file: recorder.file)))
    }

    /// A path as ``path(_:default:)``; `nil` when absent.
    public func path(_ key: String) -> String? { path(key, fallback: nil) }

    private func path(_ key: String, fallback: String?) -> String? {
        let location = visit.ask(key)?.value.location
        return scalar(
            key, expected: "a path", default: fallback, effective: { .text($0) },
            { $0.text.isEmpty ? nil : resolved($0.text, at: location) })
    }

    func resolved(_ path: String, at location: Location?) -> String {
        let file = location?.file ?? Location.override
        return Files.absolute(file == Location.override ? path : Files.join(Files.folder(of: file), path))
    }

    // MARK: - Lists

    /// A list of single values as they are written; a single value is a list of one.
    public func strings(_ key: String, default values: [String] = []) -> [String] {
        guard let node = entry(key)?.value, node.content != .unusable else {
            recorder.record(.texts(values), at: components + [key], from: nil)
            return values
        }
        var result: [String] = []
        for element in Self.elements(node) {
            if let scalar = element.scalar, !scalar.isNull {
                result.append(scalar.text)
            } else if element.content != .unusable {
                reject(element, key, node.kind == "a list" ? "a single value in the list" : "a list of single values")
            }
        }
        recorder.record(.texts(result), at: components + [key], from: node.location)
        return result
    }

    /// Checks that every element of a list that was read is the name of something.
    ///
    /// - Parameters:
    ///   - key: read before with ``strings(_:default:)`` or ``string(_:default:)``.
    ///   - known: the names that exist.
    ///   - kind: what they name, as in "no provider is called 'mian'".
    public func reference(_ key: String, to known: some Collection<String>, of kind: String) {
        func check(_ name: String, at place: Location, hides template: String?) {
            guard !known.contains(name) else { return }
            let suggestion = template == nil ? nearest(to: name, among: known) : nil
            let list =
                known.isEmpty ? "there is none" : "known: \(known.prefix(12).map { shown($0) }.joined(separator: ", "))"
            let names = suggestion == nil ? "; \(list)" : ""
            let found = template.map { "as the value of '\(shown($0))' says" } ?? "'\(shown(name))'"
            recorder.fail(
                .init(
                    place, path: dotted(components + [key]), "no \(kind) is called \(found)\(names)",
                    suggestion: suggestion))
        }
        if let node = entry(key)?.value {
            for element in Self.elements(node) {
                if let scalar = element.scalar, !scalar.isNull {
                    check(scalar.text, at: element.location, hides: scalar.template)
                }
            }
            return
        }
        switch recorder.value(at: components + [key]) {
        case .texts(let names): for name in names { check(name, at: location, hides: nil) }
        case .text(let name): check(name, at: location, hides: nil)
        default: break
        }
    }

    private static func elements(_ node: YAMLNode) -> [YAMLNode] {
        if case .sequence(let nodes) = node.content { return nodes }
        return [node]
    }

    // MARK: - Free form

    /// A mapping of anything, handed on as it is; empty when absent.
    ///
    /// Plain `null`, `true`, `false` and numbers are what they look like (YAML 1.2, section 10.2); all else is text.
    public func json(_ key: String) -> [String: JSONValue] {
        guard let node = entry(key)?.value, node.content != .unusable else {
            recorder.record(.json(.object([:])), at: components + [key], from: nil)
            return [:]
        }
        let value = JSONValue(node)
        if value.object == nil { reject(node, key, "a mapping") }
        recorder.record(.json(.object(value.object ?? [:])), at: components + [key], from: node.location)
        return value.object ?? [:]
    }
}

extension JSONValue {
    init(_ node: YAMLNode) {
        self =
            switch node.content {
            case .unusable: .null
            case .scalar(let scalar): scalar.isPlain ? Self(plain: scalar.text) : .string(scalar.text)
            case .sequence(let nodes): .array(nodes.map(Self.init))
            case .mapping(let entries):
                .object(Dictionary(entries.map { ($0.key, Self($0.value)) }) { _, last in last })
            }
    }

    /// What a text without quotes means in YAML's core schema, less octal and hexadecimal numbers.
    init(plain text: String) {
        let scalar = YAMLNode.Scalar(text)
        self =
            switch text {
            case _ where scalar.isNull: .null
            case "true", "True", "TRUE": .bool(true)
            case "false", "False", "FALSE": .bool(false)
            default: Int64(text).map(Self.int) ?? scalar.double.map(Self.double) ?? .string(text)
            }
    }
}
