import Core
import Foundation
import Reactor
import StreamClient

/// What Ctrl-C does: at rest it ends the process, during an answer it stops the answer, before the answer it ends the wait
/// for it, and a second one ends the process whatever happens.
actor Interrupts {
    private let loop: EventLoop
    private let client: ChatClient
    private var watcher: SignalWatcher?
    private var state = State.atRest
    /// Runs from Ctrl-C until the answer has a name.
    private var patience: LoopTimer?
    /// An answer that has no name yet cannot be stopped, and a server that is well names it within this.
    private static let nameLimit = Duration.seconds(2)

    private enum State {
        case atRest
        /// The question is under way.
        case asking(Question, isStopped: Bool)
        case answering(StreamID, isStopped: Bool)
    }

    /// A question until the server has named its answer.
    typealias Question = Task<Result<ChatClient.Turn, ClientError>, Never>

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(on loop: EventLoop, stopping client: ChatClient) {
        self.loop = loop
        self.client = client
    }

    func start() {
        watcher = SignalWatcher(SIGINT, on: loop) { [unowned self] in interrupted() }
    }

    /// A question is being asked.
    func asking(_ question: Question) { state = .asking(question, isStopped: false) }

    /// The answer has begun.
    func answering(_ stream: StreamID) {
        guard case .asking(_, let isStopped) = state else { return }
        patience = nil
        state = .answering(stream, isStopped: isStopped)
        if isStopped { stop(stream) }
    }

    /// The answer is over.
    ///
    /// - Returns: whether Ctrl-C was pressed since ``asking(_:)``.
    func resting() -> Bool {
        patience = nil
        defer { state = .atRest }
        return switch state {
        case .atRest: false
        case .asking(_, let isStopped), .answering(_, let isStopped): isStopped
        }
    }

    private func interrupted() {
        switch state {
        case .asking(let question, isStopped: false):
            state = .asking(question, isStopped: true)
            patience = LoopTimer(on: loop) { question.cancel() }
            patience?.start(after: Self.nameLimit)
        case .answering(let stream, isStopped: false):
            state = .answering(stream, isStopped: true)
            stop(stream)
        case .atRest, .asking(_, isStopped: true), .answering(_, isStopped: true):
            ExitCode.leave(ExitCode.interrupted)
        }
    }

    /// The reader sees the end of the stream, so that nothing waits for this.
    private func stop(_ stream: StreamID) {
        Task { [client] in
            do {
                try await client.stop(stream)
            } catch {
                Task.detached {
                    Terminal().note("medstream: the answer could not be stopped: \(error); Ctrl-C again leaves it")
                }
            }
        }
    }
}
