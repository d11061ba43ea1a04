import Arguments
import Core

/// `medstream replay`: a stream, again.
enum Replay {
    static let command: Command = Command(
        "replay", "Print a stream again",
        details: """
            Prints what a stream said, from its first event or a later one, and follows it to its end if it is still \
            running. Nothing is asked again. Ctrl-C ends the program, not the stream.
            """,
        examples: [
            Command.Example("medstream replay 7f3k9q2m4x", "Print the text."),
            Command.Example("medstream replay 7f3k9q2m4x --from 40 --json", "Print the events from the 40th on."),
        ],
        takes: [stream, first, Shared.server, Shared.reasoning, Shared.json],
        action: run)

    private static let stream = Operand<StreamID>(
        "STREAM", "The stream's id", expects: "the id of a stream: ten letters and digits", isRequired: true)
    private static let first = Option<Position>(
        "from", "N", "The first event to print", expects: "a whole number from 1", default: "1")

    /// The place of an event, counted from 1.
    private struct Position: LosslessStringConvertible {
        let number: Int

        init?(_ description: String) {
            guard let number = Int(description), (1..<1_000_000_000_000).contains(number) else { return nil }
            self.number = number
        }

        var description: String { String(number) }
    }

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        guard let stream = arguments[stream] else { throw UsageError("STREAM is missing") }
        let session = await Session(with: try Shared.server(arguments))
        return await session.replay(
            stream, after: (arguments[first]?.number ?? 1) - 1, as: Shared.format(arguments))
    }
}
