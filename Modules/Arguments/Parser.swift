internal import Core

/// What a command line asks for.
public enum Invocation: Sendable {
    /// To run a command; `path` are the names that lead to it.
    case run(Command.Action, Arguments, path: String)
    /// To read about a command.
    case help(String)
}

extension Command {
    /// Reads a command line by the customs of GNU: options anywhere, `--` before operands that begin with a hyphen, `-h`
    /// and `--help` at every command, `help COMMAND` as well.
    ///
    /// - Parameters:
    ///   - words: what the shell passed, without the program's name.
    ///   - environment: for options that may come from there.
    /// - Returns: what to do.
    /// - Throws: ``UsageError`` for the first thing that cannot be understood, with the nearest name that could.
    public func parse(_ words: [String], environment: [String: String] = [:]) throws(UsageError) -> Invocation {
        var parser = Parser(root: self, words: words)
        do {
            return try parser.parse(environment)
        } catch {
            throw UsageError(error.message, command: parser.path)
        }
    }
}

private struct Parser {
    private var command: Command
    private(set) var path: String
    private var words: ArraySlice<String>
    private var arguments = Arguments()
    private var operands: [String] = []

    init(root: Command, words: [String]) {
        command = root
        path = root.name
        self.words = words[...]
    }

    mutating func parse(_ environment: [String: String]) throws(UsageError) -> Invocation {
        while let word = words.popFirst() {
            if word == "--" {
                operands += words
                words = []
            } else if word == "-h" || word == "--help" {
                return help
            } else if word.hasPrefix("-"), word != "-" {
                try takeOption(word)
            } else if command.subcommands.isEmpty {
                operands.append(word)
            } else if word == "help" {
                for word in words where !word.hasPrefix("-") { try enter(word) }
                return help
            } else {
                try enter(word)
            }
        }
        try takeOperands()
        try takeFallbacks(environment)
        guard let action = command.action else {
            throw UsageError("expected a command: \(command.subcommands.map(\.name).joined(separator: ", "))")
        }
        return .run(action, arguments, path: path)
    }

    private var help: Invocation { .help(Help(of: command, path: path).text) }

    private mutating func enter(_ name: String) throws(UsageError) {
        guard let next = command.subcommands.first(where: { $0.name == name }) else {
            throw UsageError("unknown command '\(name)'" + hint(name, command.subcommands.map(\.name)))
        }
        command = next
        path += " \(name)"
    }

    private mutating func takeOption(_ word: String) throws(UsageError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        var value = parts.count > 1 ? String(parts[1]) : nil
        guard let option = command.options.first(where: { $0.spellings.contains(name) }) else {
            let known = command.options.flatMap(\.spellings) + ["--help"]
            throw UsageError("unknown option '\(name)'" + hint(name, known))
        }
        guard let placeholder = option.placeholder else {
            guard value == nil else { throw UsageError("\(name) takes no value") }
            return arguments.set(name == "--\(option.name)", for: option)
        }
        value = value ?? words.popFirst()
        guard let value else { throw UsageError("\(name) needs a value: \(name) \(placeholder)") }
        try check(value, option, called: name)
        arguments.add(value, for: option)
    }

    private mutating func takeOperands() throws(UsageError) {
        guard operands.count <= command.operands.count else {
            let extra = operands[command.operands.count]
            throw UsageError("unexpected '\(extra)'; put quotes around text that holds blanks")
        }
        for (declaration, value) in zip(command.operands, operands) {
            try check(value, declaration, called: declaration.name)
            arguments.add(value, for: declaration)
        }
        for missing in command.operands.dropFirst(operands.count) where missing.form == .operand(isRequired: true) {
            throw UsageError("\(missing.name) is missing; expected \(missing.expected)")
        }
    }

    /// What the command line left open.
    private mutating func takeFallbacks(_ environment: [String: String]) throws(UsageError) {
        for option in command.options where !arguments.has(option) {
            if let variable = option.variable, let value = environment[variable], !value.isEmpty {
                try check(value, option, called: variable)
                arguments.add(value, for: option)
            } else if let fallback = option.fallback {
                arguments.add(fallback, for: option)
            }
        }
    }

    private func check(_ value: String, _ declaration: Declaration, called name: String) throws(UsageError) {
        guard !declaration.isValid(value) else { return }
        var message = "\(name) must be \(declaration.expected), not '\(value)'"
        if case .oneOf(let values) = declaration.values { message += hint(value, values) }
        throw UsageError(message)
    }

    private func hint(_ name: String, _ known: [String]) -> String {
        nearest(to: name, among: known).map { "; did you mean '\($0)'?" } ?? ""
    }
}
