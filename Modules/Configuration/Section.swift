import Core

/// One mapping of the configuration, read key by key.
///
/// A reader never throws: what is wrong is remembered with its place, the reader answers with the default, and
/// ``Configuration/finish()`` reports everything together. Every key that is asked for is known from then on; a key
/// without a value (`key:`, `key: null`) counts as absent.
public struct Section {
    /// The keys that lead here.
    let components: [String]
    /// Where the section is named, or where it would stand.
    public let location: Location
    let visit: Recorder.Visit
    let recorder: Recorder

    init(_ node: YAMLNode?, path: [String], location: Location, recorder: Recorder) {
        components = path
        self.location = location
        self.recorder = recorder
        visit = recorder.visit(path, Self.entries(node, path, recorder))
    }

    private static func entries(_ node: YAMLNode?, _ path: [String], _ recorder: Recorder) -> [YAMLNode.Entry] {
        guard let node, !node.isNull else { return [] }
        if case .mapping(let entries) = node.content { return entries }
        if node.content != .unusable {
            recorder.fail(.init(node.location, path: dotted(path), "expected a mapping, found \(node.kind)"))
        }
        return []
    }

    /// The last key that leads here: of a provider, its name.
    public var name: String { components.last ?? "" }

    /// The keys that lead here, joined by dots; empty for the outermost section.
    public var path: String { dotted(components) }

    /// The keys that stand in the section, in the order of the file; looking at them does not count as asking.
    public var names: [String] { visit.entries.map(\.key) }

    /// Whether the key stands in the section with a value; counts as asking for it.
    public func isGiven(_ key: String) -> Bool { entry(key) != nil }

    /// Whether a mapping stands there, where a shorter form is allowed too; counts as asking for the key.
    public func isMapping(_ key: String) -> Bool {
        guard case .mapping? = entry(key)?.value.content else { return false }
        return true
    }

    // MARK: - Sections

    /// A mapping inside this one; empty when it is absent.
    public func section(_ key: String) -> Section {
        let entry = visit.ask(key)
        return Section(
            entry?.value, path: components + [key], location: entry?.location ?? location, recorder: recorder)
    }

    /// The mappings that stand under names of the user's choice, in the order of the file, such as `providers`.
    public func sections(_ key: String) -> [Section] {
        let outer = section(key)
        return outer.names.map(outer.section)
    }

    /// Lets unknown keys pass: for a section whose reader cannot be known because another problem hides it.
    public func ignoreUnknownKeys() { visit.allowsUnknownKeys = true }

    // MARK: - Problems found by the caller

    /// Reports what is wrong with one key, at its value, or at the section when the key is absent.
    ///
    /// - Parameters:
    ///   - key: of this section; it counts as asked for.
    ///   - message: what was expected and what was found; without the place, the path and any secret.
    ///   - suggestion: the valid name that was probably meant.
    public func fail(_ key: String, _ message: String, suggestion: String? = nil) {
        let place = visit.ask(key)?.value.location ?? location
        recorder.fail(.init(place, path: dotted(components + [key]), message, suggestion: suggestion))
    }

    /// Reports what is wrong with the section as a whole.
    public func fail(_ message: String) {
        recorder.fail(.init(location, path: path, message))
    }

    /// Reports what is wrong with a file that this section names and that is a configuration of its own.
    public func fail(_ report: ConfigurationReport) {
        for problem in report.problems { recorder.fail(problem) }
    }

    // MARK: - What the readers share

    /// The key's entry, unless it has no value or only one that was reported already.
    func entry(_ key: String) -> YAMLNode.Entry? {
        guard let entry = visit.ask(key), !entry.value.isNull else { return nil }
        return entry
    }

    /// Reads a single value and records what comes of it.
    ///
    /// - Parameters:
    ///   - key: of this section.
    ///   - expected: completes "expected …".
    ///   - fallback: taken when there is no usable value.
    ///   - choices: what a wrong value is compared with, to suggest the nearest.
    ///   - effective: how a value is written down.
    ///   - parse: `nil` when the value is not what was expected.
    /// - Returns: `fallback` when the key is absent or its value is wrong.
    func scalar<Value>(
        _ key: String, expected: @autoclosure () -> String, default fallback: Value?, choices: [String] = [],
        effective: (Value) -> EffectiveValue, _ parse: (YAMLNode.Scalar) -> Value?
    ) -> Value? {
        var result = fallback
        var origin: Location?
        if let node = entry(key)?.value, node.content != .unusable {
            if case .scalar(let scalar) = node.content, let value = parse(scalar) {
                result = value
                origin = node.location
            } else {
                let suggestion = node.scalar.flatMap { $0.template == nil ? nearest(to: $0.text, among: choices) : nil }
                reject(node, key, expected(), suggestion)
            }
        }
        recorder.record(result.map(effective) ?? .nothing, at: components + [key], from: origin)
        return result
    }

    func reject(_ node: YAMLNode, _ key: String, _ expected: String, _ suggestion: String? = nil) {
        recorder.fail(
            .init(
                node.location, path: dotted(components + [key]), "expected \(expected), found \(node.found)",
                suggestion: suggestion))
    }

    /// Reports that a key without a default is absent.
    func require(_ key: String, _ expected: String) {
        guard visit.ask(key).map(\.value.isNull) ?? true else { return }
        fail(key, "is missing; expected \(expected)")
    }
}

extension YAMLNode {
    var scalar: Scalar? {
        guard case .scalar(let scalar) = content else { return nil }
        return scalar
    }
}
