import Core
package import Persistence
import Synchronization

/// A kind of queue, empty for each test.
package struct QueueUnderTest: Sendable, CustomStringConvertible {
    package let description: String
    /// Makes an empty queue of the kind.
    package let make: @Sendable () async throws -> any QueueFixture

    package init(_ description: String, make: @escaping @Sendable () async throws -> any QueueFixture) {
        self.description = description
        self.make = make
    }

    /// The one in the library of protocols.
    package static let memory = QueueUnderTest("memory") { MemoryFixture() }
}

/// An empty queue whose time is in the test's hands.
package protocol QueueFixture: Sendable {
    /// The queue, as one process has it; each call is another process, as far as the kind of queue allows.
    func open() async throws -> any JobQueue

    /// Lets time go by, on all clocks that the queue reads.
    func pass(_ duration: Duration) async throws

    /// Sets the wall clock, and that alone, forwards or back.
    ///
    /// - Returns: `false` when the queue reads the time from where no machine's clock can be set.
    func setWallClock(by duration: Duration) async throws -> Bool

    /// Starts the machine anew.
    ///
    /// - Returns: `false` when that does not matter to the queue.
    func restartMachine() async throws -> Bool
}

/// Clocks that a test sets.
package final class SetClocks: Sendable {
    private struct State {
        var wall = Duration.milliseconds(1_700_000_000_000)
        var sinceBoot = Duration.seconds(1000)
        var bootID = "first"
    }

    private let state = Mutex(State())

    package init() {}

    /// The clocks as they stand now; another boot needs another one.
    package var clock: QueueClock {
        QueueClock(
            wall: { Timestamp(milliseconds: 0) + self.state.withLock { $0.wall } },
            sinceBoot: { self.state.withLock { $0.sinceBoot } }, bootID: state.withLock { $0.bootID })
    }

    package func pass(_ duration: Duration) {
        state.withLock {
            $0.wall += duration
            $0.sinceBoot += duration
        }
    }

    package func setWallClock(by duration: Duration) { state.withLock { $0.wall += duration } }

    package func restartMachine() {
        state.withLock {
            $0.sinceBoot = .zero
            $0.bootID = "second"
        }
    }
}

private struct MemoryFixture: QueueFixture {
    private let clocks = SetClocks()
    private let queue: InMemoryQueue

    init() { queue = InMemoryQueue(clock: clocks.clock) }

    func open() async throws -> any JobQueue { queue }

    func pass(_ duration: Duration) async throws { clocks.pass(duration) }

    func setWallClock(by duration: Duration) async throws -> Bool {
        clocks.setWallClock(by: duration)
        return true
    }

    func restartMachine() async throws -> Bool { false }
}
