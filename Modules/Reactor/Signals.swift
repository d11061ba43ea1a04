/// The signals the process waits for, as they arrive.
public final class Signals: Sendable {
    /// Each arrival goes to one of those who iterate.
    public let arrivals: AsyncStream<Int32>

    /// Watches for signals by their numbers, such as `SIGTERM`, whose default action is off from then on.
    public init(on loop: EventLoop, _ numbers: [Int32]) {
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
