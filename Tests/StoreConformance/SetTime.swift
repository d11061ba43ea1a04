package import Core
import Synchronization

/// A clock that stands still until it is set.
package final class SetTime: Sendable {
    private let milliseconds: Mutex<Int64>

    package init(_ milliseconds: Int64 = 1_700_000_000_000) { self.milliseconds = Mutex(milliseconds) }

    package var now: Timestamp { Timestamp(milliseconds: milliseconds.withLock { $0 }) }

    package func move(by milliseconds: Int64) { self.milliseconds.withLock { $0 += milliseconds } }
}
