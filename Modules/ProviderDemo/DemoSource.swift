internal import Core
internal import Providers
internal import Reactor

/// One answer being given, word by word.
final class DemoSource: DeltaSource {
    private var performance: Performance
    private let loop: EventLoop
    private let pause: Pause

    init(_ performance: Performance, on loop: EventLoop, pause: @escaping Pause) {
        self.performance = performance
        self.loop = loop
        self.pause = pause
    }

    func next(into deltas: inout [Delta]) async throws(PlatformError) -> Bool {
        deltas.removeAll(keepingCapacity: true)
        guard let step = performance.next() else { return false }
        do throws(CancellationError) {
            try await pause(step.delay, loop)
            // Only cancelling ends a stall, as with a connection that stays open and silent.
            while step.act == .stall { try await pause(.seconds(3_600), loop) }
        } catch {
            performance.end()
            throw .provider(.cancelled, cause: error)
        }
        switch step.act {
        case .say(let words): deltas += words
        case .fail(let code): throw .provider(code)
        case .stall: break
        }
        return true
    }
}
