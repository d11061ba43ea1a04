internal import Dispatch
internal import Synchronization

/// A number that rises, and can be waited for without polling.
public final class Tally: Sendable {
    private struct State {
        var value = 0
        var waiters: [(threshold: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    public init() {}

    public var value: Int { state.withLock { $0.value } }

    public func add(_ amount: Int = 1) {
        let reached = state.withLock { state in
            state.value += amount
            let value = state.value
            let reached = state.waiters.filter { $0.threshold <= value }
            state.waiters.removeAll { $0.threshold <= value }
            return reached.map(\.continuation)
        }
        for continuation in reached { continuation.resume() }
    }

    /// Waits until the number is at least `threshold`.
    public func reaches(_ threshold: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                guard state.value < threshold else { return true }
                state.waiters.append((threshold, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}

/// Lets threads pass one at a time, as often as it is told.
public final class Semaphore: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    public init() {}

    /// Lets one thread pass; from any thread or task.
    public func give() { semaphore.signal() }

    /// Blocks the calling thread; for threads of a test's own, not for tasks.
    public func take() { semaphore.wait() }
}

/// Holds threads until it is opened, and never again.
public final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    public init() {}

    /// From any thread or task.
    public func open() { semaphore.signal() }

    /// Blocks the calling thread; for threads of a test's own, not for tasks.
    public func pass() {
        semaphore.wait()
        semaphore.signal()
    }
}
