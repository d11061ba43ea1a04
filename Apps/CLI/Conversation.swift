import Core
import StreamClient

/// Talks on a terminal: a prompt, an answer, and so on.
struct Conversation {
    private let session: Session
    private let format: AnswerView.Format
    private var question: ChatClient.Question

    init(with server: ServerAddress, _ question: ChatClient.Question, as format: AnswerView.Format) async {
        session = await Session(with: server)
        self.question = question
        self.format = format
    }

    private static let help = """
        /new    begin another conversation
        /help   show this
        /quit   leave; so does Ctrl-D
        A line that begins with // is sent with one slash. Ctrl-C stops an answer.
        """

    /// - Returns: the exit code.
    mutating func run() async -> Int32 {
        let terminal = session.terminal
        terminal.note("Ask something; /help shows what else there is.")
        while let line = terminal.line(after: "> ") {
            let text = line.drop(while: \.isWhitespace)
            guard !text.isEmpty else { continue }
            if text.hasPrefix("//") {
                await ask(String(text.dropFirst()))
            } else if text.hasPrefix("/") {
                if await !obey(text.split(whereSeparator: \.isWhitespace).first ?? text) { break }
            } else {
                await ask(line)
            }
        }
        if !terminal.isOutputInteractive { return ExitCode.done }
        if let conversation = question.conversation {
            terminal.note("To go on: medstream chat --conversation \(conversation)")
        }
        return ExitCode.done
    }

    private mutating func ask(_ text: String) async {
        question.text = text
        question.conversation = await session.ask(question, as: format).conversation
    }

    /// - Returns: whether the talk goes on.
    private mutating func obey(_ command: Substring) async -> Bool {
        switch command {
        case "/quit", "/exit": return false
        case "/new":
            question.conversation = nil
            session.terminal.note("A new conversation.")
        case "/help": session.terminal.note(Self.help)
        default: session.terminal.note("There is no \(command); /help lists what there is.")
        }
        return true
    }
}
