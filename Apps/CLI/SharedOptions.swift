import Arguments
import Core
import StreamClient

/// Options that several commands take, each with one meaning everywhere.
enum Shared {
    static let server = Option<ServerAddress>(
        "server", "URL", "Where the server is", expects: "a URL such as http://127.0.0.1:8080",
        default: "http://127.0.0.1:8080", environment: "MEDSTREAM_SERVER")
    static let json = Flag("json", "Print JSON for programs, one object a line")
    static let reasoning = Switch(
        "show-reasoning", or: "hide-reasoning",
        "Whether to print the reasoning before the answer; shown on a terminal unless told otherwise")

    static func server(_ arguments: Arguments) throws(UsageError) -> ServerAddress {
        guard let server = arguments[server] else { throw UsageError("--server is missing") }
        return server
    }

    static func format(_ arguments: Arguments) -> AnswerView.Format {
        if arguments[json] { return .json }
        return .text(showsReasoning: arguments[reasoning] ?? Terminal().isOutputInteractive)
    }

    /// Longer than any server takes by default.
    private static let maxInputBytes = 4 << 20

    /// What is to be said: the operand, or standard input.
    static func text(_ operand: String?) throws(UsageError) -> String {
        guard let text = operand ?? Terminal.input(upTo: maxInputBytes) else {
            throw UsageError("standard input must be UTF-8 text of at most \(maxInputBytes >> 20) MiB")
        }
        let isBlank = text.allSatisfy { $0.isWhitespace }
        guard !isBlank else { throw UsageError("there is nothing to ask; give TEXT, or text on standard input") }
        return text
    }
}
