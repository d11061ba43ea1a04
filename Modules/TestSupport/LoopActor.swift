public import Reactor

/// An actor that lives on an event loop of its own: where a test meets what is confined to a loop.
public actor LoopActor {
    public nonisolated let loop: EventLoop

    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Starts a loop on a new thread, which ends when the actor goes.
    public init() {
        loop = EventLoop()
        loop.start()
    }

    deinit { loop.stop() }

    /// Runs `body` on the loop.
    public func run<Value: Sendable>(_ body: (isolated LoopActor) async throws -> Value) async rethrows -> Value {
        try await body(self)
    }
}

/// Runs `body` on a fresh event loop.
public func onLoop<Value: Sendable>(
    _ body: @Sendable (isolated LoopActor) async throws -> Value
) async rethrows -> Value {
    try await LoopActor().run(body)
}
