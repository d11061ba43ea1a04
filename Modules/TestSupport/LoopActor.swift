public import Reactor
internal import Synchronization

/// An actor that lives on an event loop of its own: where a test meets what is confined to a loop.
public actor LoopActor {
    public nonisolated let loop: EventLoop

    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Starts a loop on a new thread, which lives as long as the process; ``onLoop(_:)`` reuses them.
    public init() {
        OpenFiles.raiseLimit()
        loop = EventLoop()
        loop.start()
    }

    /// Runs `body` on the loop.
    public func run<Value: Sendable>(
        _ body: @Sendable (isolated LoopActor) async throws -> Value
    ) async rethrows -> Value {
        try await body(self)
    }
}

/// Runs `body` on an event loop that nobody else uses meanwhile.
public func onLoop<Value: Sendable>(
    _ body: @Sendable (isolated LoopActor) async throws -> Value
) async rethrows -> Value {
    let actor = LoopPool.idle.withLock { $0.popLast() } ?? LoopActor()
    defer { LoopPool.idle.withLock { $0.append(actor) } }
    return try await actor.run(body)
}

/// Loops of tests that have ended; a loop keeps its descriptors for good, so that each is used again.
private enum LoopPool {
    static let idle = Mutex<[LoopActor]>([])
}
