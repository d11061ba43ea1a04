import Synchronization

/// Runs `body` until it ends or the time is up; a body that is late goes on by itself, and nobody waits for it.
///
/// - Returns: whether it ended in time.
@discardableResult
public func within(_ limit: Duration, _ body: @escaping @Sendable () async -> Void) async -> Bool {
    let first = FirstOf()
    let timer = Task {
        try? await Task.sleep(for: limit)
        first.arrive(inTime: false)
    }
    Task {
        await body()
        first.arrive(inTime: true)
    }
    defer { timer.cancel() }
    return await first.wait()
}

/// Lets one waiter go on when the first of several arrives.
private final class FirstOf: Sendable {
    private struct State {
        var isInTime: Bool?
        var waiter: CheckedContinuation<Bool, Never>?
    }

    private let state = Mutex(State())

    func arrive(inTime isInTime: Bool) {
        let waiter = state.withLock { state in
            guard state.isInTime == nil else { return nil as CheckedContinuation<Bool, Never>? }
            state.isInTime = isInTime
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: isInTime)
    }

    func wait() async -> Bool {
        await withCheckedContinuation { waiter in
            let isInTime = state.withLock { state in
                if state.isInTime == nil { state.waiter = waiter }
                return state.isInTime
            }
            if let isInTime { waiter.resume(returning: isInTime) }
        }
    }
}
