extension EventLoop {
    /// Waits on the loop's own timer.
    ///
    /// On the loop's thread only: the caller is isolated to an actor of this loop.
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    public func sleep(
        for delay: Duration, isolation: isolated (any Actor)? = #isolation
    ) async throws(CancellationError) {
        let sleeper = Sleeper(self)
        await sleeper.sleep(for: delay, isolation: isolation)
        if Task.isCancelled { throw CancellationError() }
    }
}

/// One wait.
///
/// Safe to share with the cancellation handler: it is touched on its loop alone.
private final class Sleeper: @unchecked Sendable {
    private let loop: EventLoop
    private var timer: LoopTimer?
    private var waiter: CheckedContinuation<Void, Never>?

    init(_ loop: EventLoop) { self.loop = loop }

    func sleep(for delay: Duration, isolation: isolated (any Actor)?) async {
        loop.preconditionOnLoop()
        await withTaskCancellationHandler {
            // Without the capture the closure belongs to no actor, and runs off the loop.
            _ = isolation
            await withCheckedContinuation { continuation in
                if Task.isCancelled { return continuation.resume() }
                waiter = continuation
                let timer = LoopTimer(on: loop) { [unowned self] in end() }
                // What ran before in this turn is no part of the sleep.
                loop.updateTime()
                timer.start(after: delay)
                self.timer = timer
            }
        } onCancel: {
            loop.execute { self.end() }
        }
    }

    private func end() {
        timer = nil
        waiter?.resume()
        waiter = nil
    }
}
