import Foundation

/// Standard input, output and error, and whether people or programs are at their ends.
///
/// Writing and reading may block, which is why it is done on the main thread and never on an event loop.
struct Terminal: Sendable {
    let isInputInteractive = isatty(STDIN_FILENO) == 1
    let isOutputInteractive = isatty(STDOUT_FILENO) == 1
    let isErrorInteractive = isatty(STDERR_FILENO) == 1
    private let mayStyle: Bool

    init() {
        let environment = ProcessInfo.processInfo.environment
        mayStyle = environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
        // A reader that has gone is told by the error of a write.
        signal(SIGPIPE, SIG_IGN)
    }

    enum Style: String {
        case dim = "2"
        case bold = "1"
        case yellow = "33"
    }

    /// Whether output can be styled at all.
    var hasStyles: Bool { mayStyle && isOutputInteractive }

    /// Text for standard output as a terminal should get it: what a model says must not steer the terminal, so that
    /// control characters are left out; and each piece ends the style it began, so that none can be left behind.
    func styled(_ text: String, _ style: Style?) -> String {
        guard isOutputInteractive else { return text }
        let text = Self.printable(text)
        guard let style, mayStyle, !text.isEmpty else { return text }
        return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
    }

    /// Writes to standard output; ends the process when nobody is there to read it any more.
    func write(_ text: String) {
        guard !text.isEmpty else { return }
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
        } catch {
            ExitCode.leave(ExitCode.outputGone)
        }
    }

    /// Writes a line to standard error; nobody there to read it is no reason to stop.
    func note(_ text: String) {
        var line = text
        if isErrorInteractive {
            line = Self.printable(text)
            if mayStyle { line = "\u{1B}[\(Style.yellow.rawValue)m\(line)\u{1B}[0m" }
        }
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }

    /// Shows a prompt and waits for a line; `nil` at the end of the input.
    func line(after prompt: String) -> String? {
        if isOutputInteractive { write(styled(prompt, .bold)) }
        return readLine()
    }

    /// All of standard input; `nil` when it is no UTF-8 or has more than `limit` bytes.
    static func input(upTo limit: Int) -> String? {
        var data = Data()
        while data.count <= limit, let piece = try? FileHandle.standardInput.read(upToCount: 64 << 10), !piece.isEmpty {
            data += piece
        }
        return data.count > limit ? nil : String(validating: data, as: UTF8.self)
    }

    private static func printable(_ text: String) -> String {
        var kept = String.UnicodeScalarView()
        for scalar in text.unicodeScalars
        where scalar == "\n" || scalar == "\t" || scalar.properties.generalCategory != .control {
            kept.append(scalar)
        }
        return String(kept)
    }
}
