import Core
import Reactor
import StreamClient

/// The way to one server: its loop, its client, and what Ctrl-C means meanwhile.
struct Session: Sendable {
    let terminal = Terminal()
    private let server: ServerAddress
    private let loop = EventLoop()
    private let client: ChatClient
    private let interrupts: Interrupts

    init(with server: ServerAddress) async {
        self.server = server
        loop.start()
        client = ChatClient(to: server, on: loop)
        interrupts = Interrupts(on: loop, stopping: client)
        await interrupts.start()
    }

    /// How one answer went.
    struct Answered {
        /// Where to go on; `nil` when the server did not take the question.
        var conversation: ConversationID?
        var exitCode: Int32
    }

    /// Asks, and shows the answer; Ctrl-C stops it, or the wait for it.
    func ask(_ question: ChatClient.Question, as format: AnswerView.Format) async -> Answered {
        var view = AnswerView(on: terminal, as: format)
        var result = Answered(conversation: question.conversation, exitCode: ExitCode.done)
        let asking = Interrupts.Question(executorPreference: loop) { [client] in
            do throws(ClientError) { return .success(try await client.ask(question)) } catch { return .failure(error) }
        }
        await interrupts.asking(asking)
        do throws(ClientError) {
            let turn = try await asking.value.get()
            result.conversation = turn.conversation
            await interrupts.answering(turn.stream)
            result.exitCode = await follow(turn.stream, after: 0, in: &view)
        } catch {
            view.fail(error)
            result.exitCode = Self.exitCode(for: error)
        }
        if await interrupts.resting() { result.exitCode = ExitCode.interrupted }
        return result
    }

    /// Shows a stream from an event on, without any say in it: Ctrl-C leaves it alone and ends the process.
    func replay(_ stream: StreamID, after offset: Int, as format: AnswerView.Format) async -> Int32 {
        var view = AnswerView(on: terminal, as: format)
        return await follow(stream, after: offset, in: &view)
    }

    private func follow(_ stream: StreamID, after offset: Int, in view: inout AnswerView) async -> Int32 {
        let reader = StreamReader(stream, after: offset, from: server, on: loop)
        do throws(ClientError) {
            while let sightings = try await reader.next() { view.show(sightings) }
        } catch {
            view.fail(error)
            return Self.exitCode(for: error)
        }
        view.finish()
        switch view.outcome {
        case .complete: return ExitCode.done
        case .truncated, .blocked, .cancelled, .failed, .interrupted: return ExitCode.failed
        // A replay from after the end has nothing to show; an answer would have.
        case nil: return await reader.position.offset == offset && offset > 0 ? ExitCode.done : ExitCode.failed
        }
    }

    static func exitCode(for error: ClientError) -> Int32 {
        switch error {
        case .unreachable, .incomprehensible, .cut, .gap: ExitCode.unavailable
        case .refused: error.isTransient ? ExitCode.unavailable : ExitCode.failed
        }
    }
}
