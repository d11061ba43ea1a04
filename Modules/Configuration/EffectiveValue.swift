import Core

/// A value in force, as it is written down for people and read again.
enum EffectiveValue: Equatable {
    case nothing
    /// A number, a truth value, a duration: as it stands.
    case plain(String)
    case text(String)
    case texts([String])
    case json(JSONValue)
    case secret
    /// The names of secret values.
    case secrets([String])

    var isSecret: Bool {
        switch self {
        case .secret, .secrets: true
        case .nothing, .plain, .text, .texts, .json: false
        }
    }

    /// The value as YAML on one line.
    var yaml: String {
        switch self {
        case .nothing: "null"
        case .plain(let text): text
        case .text(let text): YAMLText.text(text)
        case .texts(let texts): "[\(texts.map(YAMLText.text).joined(separator: ", "))]"
        case .json(let value): YAMLText.json(value)
        case .secret: "<secret>"
        case .secrets(let names): YAMLText.mapping(names.map { ($0, "<secret>") })
        }
    }
}

/// YAML on one line (a flow, in YAML's words).
enum YAMLText {
    static func json(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let text): needsNoQuotes(text) && !looksLikeNoText(text) ? text : quoted(escaped(text))
        case .array(let values): "[\(values.map(json).joined(separator: ", "))]"
        case .object(let members):
            mapping(members.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) })
        }
    }

    static func mapping(_ members: [(String, String)]) -> String {
        members.isEmpty ? "{}" : "{ \(members.map { "\(key($0.0)): \($0.1)" }.joined(separator: ", ")) }"
    }

    static func text(_ text: String) -> String {
        needsNoQuotes(text) && !YAMLNode.Scalar(text).isNull ? text : quoted(escaped(text))
    }

    /// Variables in keys are not filled in, so `${` is not doubled as it is in values.
    static func key(_ text: String) -> String { needsNoQuotes(text) ? text : quoted(text) }

    private static func needsNoQuotes(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != 0x2D, first != 0x25, first != 0x40 else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "_./+@%-".utf8.contains(byte)
            }
        }
    }

    private static func looksLikeNoText(_ text: String) -> Bool { JSONValue(plain: text) != .string(text) }

    private static func escaped(_ text: String) -> String { text.replacing("${", with: "$${") }

    /// The text in double quotes.
    ///
    /// Variables are looked for before YAML's escapes are undone, so a `${` that is text shows its `$` as an escape:
    /// else an escape that follows would be taken for a part of the variable, and stay as it is.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        let scalars = text.unicodeScalars
        for index in scalars.indices {
            let scalar = scalars[index]
            switch scalar.value {
            case 0x24 where scalars[scalars.index(after: index)...].first == "{": result += "\\x24"
            case 0x22: result += "\\\""
            case 0x5C: result += "\\\\"
            case 0x0A: result += "\\n"
            case 0x09: result += "\\t"
            case 0..<0x20, 0x7F...0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// The settings in force as nested mappings.
struct EffectiveTree {
    private final class Branch {
        var order: [String] = []
        var branches: [String: Branch] = [:]
        var leaves: [String: EffectiveValue] = [:]
    }
    private let root = Branch()

    init(_ settings: [([String], EffectiveValue)]) {
        for (path, value) in settings {
            guard let name = path.last else { continue }
            var branch = root
            for key in path.dropLast() {
                if let next = branch.branches[key] {
                    branch = next
                    continue
                }
                let next = Branch()
                branch.branches[key] = next
                if branch.leaves[key] == nil { branch.order.append(key) }
                branch = next
            }
            if branch.branches[name] == nil { branch.order.append(name) }
            branch.leaves[name] = value
        }
    }

    var yaml: String { Self.lines(root, indent: "").map { $0 + "\n" }.joined() }

    private static func lines(_ branch: Branch, indent: String) -> [String] {
        branch.order.flatMap { key in
            let name = indent + YAMLText.key(key) + ":"
            guard let inner = branch.branches[key] else { return ["\(name) \(branch.leaves[key]?.yaml ?? "null")"] }
            return [name] + lines(inner, indent: indent + "  ")
        }
    }
}
