/// One command of a program: what it is called, what it takes, and what it does.
///
/// A program is a tree of commands. What is declared here is the only source: the parser, the help and the completion
/// of the shells are all read off it.
public struct Command: Sendable {
    /// As it is typed.
    public var name: String
    /// One line, without a full stop.
    public var summary: String
    /// Paragraphs for the command's own help, separated by blank lines; a line that begins with a blank is kept as it is.
    public var details: String
    public var examples: [Example]
    /// Options and operands; operands in the order they are typed.
    public var parameters: [Declaration]
    public var subcommands: [Command]
    /// `nil` for a command that only groups others.
    public var action: Action?

    /// What a command does; the result is the exit code of the process.
    public typealias Action = @Sendable (Arguments) async throws(UsageError) -> Int32

    public init(
        _ name: String, _ summary: String, details: String = "", examples: [Example] = [],
        takes parameters: [any Parameter] = [], subcommands: [Command] = [], action: Action? = nil
    ) {
        self.name = name
        self.summary = summary
        self.details = details
        self.examples = examples
        self.parameters = parameters.map(\.declaration)
        self.subcommands = subcommands
        self.action = action
    }

    /// A command line that works, and what it is for.
    public struct Example: Sendable {
        public var line: String
        public var purpose: String

        public init(_ line: String, _ purpose: String) {
            self.line = line
            self.purpose = purpose
        }
    }

    /// Options alone.
    var options: [Declaration] { parameters.filter { !$0.isOperand } }

    /// Operands alone.
    var operands: [Declaration] { parameters.filter(\.isOperand) }

    /// This command and all below it, each with the names that lead to it.
    var tree: [(path: String, command: Command)] { tree(below: "") }

    private func tree(below parent: String) -> [(path: String, command: Command)] {
        let path = parent.isEmpty ? name : "\(parent) \(name)"
        return [(path, self)] + subcommands.flatMap { $0.tree(below: path) }
    }
}
