/// The help of one command, made of what it declares.
struct Help {
    private let command: Command
    private let path: String
    /// Columns; what a terminal has at least.
    private static let width = 80

    init(of command: Command, path: String) {
        self.command = command
        self.path = path
    }

    /// Ends with a line feed.
    var text: String {
        var sections = ["\(command.summary).", "Usage: \(usage)"]
        if !command.details.isEmpty { sections.append(Self.paragraphs(command.details)) }
        sections.append(table("Commands", command.subcommands.map { ($0.name, $0.summary) }))
        sections.append(table("Operands", command.operands.map { ($0.name, Self.explanation($0)) }))
        let options = command.options.map { (Self.spelling($0), Self.explanation($0)) }
        sections.append(table("Options", options + [("-h, --help", "Show this help")]))
        if !command.examples.isEmpty {
            let examples = command.examples.map { "  \($0.line)\n      \($0.purpose)" }
            sections.append("Examples:\n" + examples.joined(separator: "\n"))
        }
        if !command.subcommands.isEmpty { sections.append("'\(path) COMMAND --help' says more about a command.") }
        return sections.filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
    }

    private var usage: String {
        var words = [path]
        if !command.subcommands.isEmpty { words.append("COMMAND") }
        words += command.options.isEmpty ? [] : ["[OPTIONS]"]
        words += command.operands.map { $0.form == .operand(isRequired: true) ? $0.name : "[\($0.name)]" }
        return words.joined(separator: " ")
    }

    private static func spelling(_ option: Declaration) -> String {
        option.spellings.joined(separator: ", ") + (option.placeholder.map { " \($0)" } ?? "")
    }

    private static func explanation(_ declaration: Declaration) -> String {
        var notes: [String] = []
        if case .oneOf(let values) = declaration.values { notes.append("one of \(values.joined(separator: ", "))") }
        if declaration.isRepeated { notes.append("may be repeated") }
        if let fallback = declaration.fallback { notes.append("default \(fallback)") }
        if let variable = declaration.variable { notes.append("or set \(variable)") }
        return declaration.help + (notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))")
    }

    private func table(_ title: String, _ rows: [(String, String)]) -> String {
        guard !rows.isEmpty else { return "" }
        let lines = rows.flatMap { name, text -> [String] in
            let indent = 26
            let wrapped = Self.wrapped(text, to: Self.width - indent)
            let margin = String(repeating: " ", count: indent)
            let head = "  " + name
            let lines = wrapped.map { margin + $0 }
            guard head.count < indent - 1, let first = lines.first else { return [head] + lines }
            return [head + first.dropFirst(head.count)] + lines.dropFirst()
        }
        return "\(title):\n" + lines.joined(separator: "\n")
    }

    private static func paragraphs(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .flatMap { $0.hasPrefix(" ") ? [String($0)] : wrapped(String($0), to: width) }
            .joined(separator: "\n")
    }

    /// At least one line; a word that is longer than a line stands alone.
    private static func wrapped(_ text: String, to width: Int) -> [String] {
        var lines = [""]
        for word in text.split(separator: " ") {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(line) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
