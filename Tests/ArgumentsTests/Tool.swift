import Arguments

/// A program to try command lines on.
enum Tool {
    static let json = Flag("json", "Print JSON")
    static let color = Switch("color", or: "no-color", "Whether to use colours")
    static let count = Option<Int>("count", "N", "How many", expects: "a whole number", default: "1")
    static let server = Option<String>("server", "URL", "Where it is", environment: "TOOL_SERVER")
    static let kind = Option<Kind>(
        "kind", "KIND", "What kind it's", expects: "warm or cold", values: .oneOf(["warm", "cold"]))
    static let set = Option<String>("set", "KEY=VALUE", "Change a setting", isRepeated: true)
    static let text = Operand<String>("TEXT", "What to say")
    static let number = Operand<Int>("NUMBER", "Which one", expects: "a whole number", isRequired: true)
    static let file = Operand<String>("FILE", "Which file", values: .files)

    enum Kind: String, LosslessStringConvertible {
        case warm, cold

        init?(_ description: String) { self.init(rawValue: description) }
        var description: String { rawValue }
    }

    static let program = Command(
        "tool", "Try things",
        subcommands: [
            Command(
                "say", "Say something", details: "Says it.",
                examples: [Command.Example("tool say hello", "Say hello.")],
                takes: [text, json, color, count, server, kind], action: { _ in 0 }),
            Command(
                "show", "Show something",
                subcommands: [
                    Command("one", "Show one", takes: [number, file, set], action: { _ in 0 }),
                    Command("all", "Show all", takes: [json], action: { _ in 0 }),
                ]),
        ])

    /// What a command line gave, as text: the command's path, then the values.
    static func reading(_ line: String, environment: [String: String] = [:]) throws(UsageError) -> String {
        switch try program.parse(words(line), environment: environment) {
        case .help(let text): return "help: \(text.prefix { $0 != "\n" })"
        case .run(_, let arguments, let path):
            var parts = [path]
            if arguments[json] { parts.append("json") }
            if let color = arguments[color] { parts.append("color=\(color)") }
            if let count = arguments[count], count != 1 { parts.append("count=\(count)") }
            if let server = arguments[server] { parts.append("server=\(server)") }
            if let kind = arguments[kind] { parts.append("kind=\(kind)") }
            if !arguments.all(set).isEmpty { parts.append("set=\(arguments.all(set).joined(separator: "+"))") }
            if let text = arguments[text] { parts.append("text=\(text)") }
            if let number = arguments[number] { parts.append("number=\(number)") }
            if let file = arguments[file] { parts.append("file=\(file)") }
            return parts.joined(separator: " ")
        }
    }

    /// Words are parted by blanks; `_` stands for a blank within one, `''` for an empty word.
    static func words(_ line: String) -> [String] {
        line.split(separator: " ").map { $0 == "''" ? "" : String($0).replacing("_", with: " ") }
    }
}
