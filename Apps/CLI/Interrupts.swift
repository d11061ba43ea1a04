import Core
import Foundation
import Reactor
import StreamClient

/// What Ctrl-C does: at rest it ends the process, during an answer it stops the answer, and a second one ends the
/// process whatever happens.
actor Interrupts {
    private let loop: EventLoop
    private let client: ChatClient
    private var watcher: SignalWatcher?
    private var state = State.atRest

    private enum State {
        case atRest
        /// The question is under way.
        case asking(isStopped: Bool)
        case answering(StreamID, isStopped: Bool)
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(on loop: EventLoop, stopping client: ChatClient) {
        self.loop = loop
        self.client = client
    }

    func start() {
        watcher = SignalWatcher(SIGINT, on: loop) { [unowned self] in interrupted() }
    }

    /// A question is being asked.
    func asking() { state = .asking(isStopped: false) }

    /// The answer has begun.
    func answering(_ stream: StreamID) {
        guard case .asking(let isStopped) = state else { return }
        state = .answering(stream, isStopped: isStopped)
        if isStopped { stop(stream) }
    }

    /// The answer is over.
    ///
    /// - Returns: whether Ctrl-C was pressed since ``asking()``.
    func resting() -> Bool {
        defer { state = .atRest }
        return switch state {
        case .atRest: false
        case .asking(let isStopped), .answering(_, let isStopped): isStopped
        }
    }

    private func interrupted() {
        switch state {
        case .asking(isStopped: false): state = .asking(isStopped: true)
        case .answering(let stream, isStopped: false):
            state = .answering(stream, isStopped: true)
            stop(stream)
        case .atRest, .asking(isStopped: true), .answering(_, isStopped: true):
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
