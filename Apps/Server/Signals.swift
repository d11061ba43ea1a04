import Glibc
import Reactor

/// The signals the process waits for, as they arrive.
final class Signals: Sendable {
    /// Each arrival goes to one of those who iterate.
    let arrivals: AsyncStream<Int32>

    init(on loop: EventLoop, _ numbers: [Int32]) {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(8))
        self.arrivals = arrivals
        loop.execute {
            let watchers = loop.local(Watchers.self) { Watchers() }
            for number in numbers {
                watchers.all.append(SignalWatcher(number, on: loop) { arrived.yield(number) })
            }
        }
    }

    /// Keeps the watchers for as long as their loop runs.
    private final class Watchers {
        var all: [SignalWatcher] = []
    }
}
