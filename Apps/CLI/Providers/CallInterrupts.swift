import Foundation
import Reactor

/// What Ctrl-C does to a call: it ends the call, and pressed again the process.
actor CallInterrupts {
    private let loop: EventLoop
    private let call: DirectCall
    private var watcher: SignalWatcher?
    private var isStopped = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(on loop: EventLoop, cancelling call: DirectCall) {
        self.loop = loop
        self.call = call
    }

    func start() {
        watcher = SignalWatcher(SIGINT, on: loop) { [unowned self] in interrupted() }
    }

    private func interrupted() {
        if isStopped { ExitCode.leave(ExitCode.interrupted) }
        isStopped = true
        call.cancel()
    }
}
