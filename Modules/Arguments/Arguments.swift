/// What was given to a command, read with the declarations that the command takes.
public struct Arguments: Sendable {
    /// By the name of the declaration, in the order given; all of them valid.
    private var values: [String: [String]] = [:]
    private var switches: [String: Bool] = [:]

    init() {}

    /// Whether the flag was given.
    public subscript(flag: Flag) -> Bool { switches[flag.declaration.name] ?? false }

    /// Which of the two was given last; `nil` for neither.
    public subscript(choice: Switch) -> Bool? { switches[choice.declaration.name] }

    /// The value given last, or that of the environment, or the default.
    public subscript<Value>(option: Option<Value>) -> Value? { all(option).last }

    /// Every value given, in order.
    public func all<Value>(_ option: Option<Value>) -> [Value] {
        (values[option.declaration.name] ?? []).compactMap(Value.init)
    }

    /// The operand's value; `nil` where it may be left out and was.
    public subscript<Value>(operand: Operand<Value>) -> Value? {
        values[operand.declaration.name]?.last.flatMap(Value.init)
    }

    mutating func add(_ value: String, for declaration: Declaration) {
        values[declaration.name, default: []].append(value)
    }

    mutating func set(_ isOn: Bool, for declaration: Declaration) { switches[declaration.name] = isOn }

    func has(_ declaration: Declaration) -> Bool { values[declaration.name] != nil }
}

/// A command line that cannot be understood.
///
/// The exit code for it is 64, `EX_USAGE` of BSD's `sysexits.h`.
public struct UsageError: Error, Sendable, Hashable {
    /// What is wrong, in one line without a full stop.
    public var message: String
    /// The names that lead to the command, as typed; empty until the parser knows.
    public var command: String

    public init(_ message: String, command: String = "") {
        self.message = message
        self.command = command
    }
}

extension UsageError: CustomStringConvertible {
    /// Two lines: what is wrong, and where to read on.
    public var description: String { "\(command): \(message)\nTry '\(command) --help'." }
}
