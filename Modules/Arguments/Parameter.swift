/// Something that a command takes: an option or an operand.
///
/// The value that declares it is also the key that reads it (``Arguments``), so that a misspelt name does not compile.
public protocol Parameter: Sendable {
    var declaration: Declaration { get }
}

/// An option without a value, such as `--json`.
public struct Flag: Parameter {
    public let declaration: Declaration

    /// Declares a flag; `name` has no hyphens.
    public init(_ name: String, _ help: String) {
        declaration = Declaration(name, .flag(opposite: nil), help)
    }
}

/// Two options that say yes and no, such as `--color` and `--no-color`; the last one given wins.
public struct Switch: Parameter {
    public let declaration: Declaration

    public init(_ name: String, or opposite: String, _ help: String) {
        declaration = Declaration(name, .flag(opposite: opposite), help)
    }
}

/// An option with a value, given as `--name value` or `--name=value`.
public struct Option<Value: LosslessStringConvertible & Sendable>: Parameter {
    public private(set) var declaration: Declaration

    /// Declares an option.
    ///
    /// - Parameters:
    ///   - name: without its hyphens.
    ///   - placeholder: stands for the value in the help, such as `FILE`.
    ///   - help: what it is for, without a full stop.
    ///   - expected: what a value must be, for the message about a wrong one, such as `a whole number`.
    ///   - fallback: the value when neither the command line nor the environment gives one.
    ///   - variable: of the environment; an empty one counts as none.
    ///   - values: what the shell offers.
    ///   - isRepeated: whether it may be given more than once; otherwise the last one wins.
    public init(
        _ name: String, _ placeholder: String, _ help: String, expects expected: String = "a text",
        default fallback: String? = nil, environment variable: String? = nil,
        values: Declaration.Values = .unknown, isRepeated: Bool = false
    ) {
        declaration = Declaration(name, .option(placeholder: placeholder), help)
        declaration.expected = expected
        declaration.fallback = fallback
        declaration.variable = variable
        declaration.values = values
        declaration.isRepeated = isRepeated
        declaration.isValid = { Value($0) != nil }
    }
}

/// A value without a name, told by its place.
public struct Operand<Value: LosslessStringConvertible & Sendable>: Parameter {
    public private(set) var declaration: Declaration

    /// Declares an operand.
    ///
    /// - Parameters:
    ///   - placeholder: its name in the help, such as `FILE`.
    ///   - help: what it is for, without a full stop.
    ///   - expected: what a value must be, for the message about a wrong one.
    ///   - isRequired: optional operands stand after all others.
    ///   - values: what the shell offers.
    public init(
        _ placeholder: String, _ help: String, expects expected: String = "a text", isRequired: Bool = false,
        values: Declaration.Values = .unknown
    ) {
        declaration = Declaration(placeholder, .operand(isRequired: isRequired), help)
        declaration.expected = expected
        declaration.values = values
        declaration.isValid = { Value($0) != nil }
    }
}

/// What is known about an option or operand, whatever the type of its value.
public struct Declaration: Sendable {
    /// Without hyphens; the placeholder of an operand.
    let name: String
    let form: Form
    let help: String
    var expected = ""
    var fallback: String?
    var variable: String?
    var values = Values.unknown
    var isRepeated = false
    var isValid: @Sendable (String) -> Bool = { _ in true }

    init(_ name: String, _ form: Form, _ help: String) {
        self.name = name
        self.form = form
        self.help = help
    }

    enum Form: Sendable, Hashable {
        case flag(opposite: String?)
        case option(placeholder: String)
        case operand(isRequired: Bool)
    }

    /// What a shell can offer for a value.
    public enum Values: Sendable, Hashable {
        case unknown
        case files
        case oneOf([String])
    }

    var isOperand: Bool {
        guard case .operand = form else { return false }
        return true
    }

    var placeholder: String? {
        guard case .option(let placeholder) = form else { return nil }
        return placeholder
    }

    var opposite: String? {
        guard case .flag(let opposite) = form else { return nil }
        return opposite
    }

    /// As typed: `--json`; two for a switch, none for an operand.
    var spellings: [String] { isOperand ? [] : [name, opposite].compactMap { $0 }.map { "--\($0)" } }
}
