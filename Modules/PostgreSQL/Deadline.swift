import Glibc

/// The moment after which nobody waits any more, by a clock that nobody sets.
struct Deadline: Sendable, Comparable {
    private let end: ContinuousClock.Instant

    init(after duration: Duration) { end = .now + duration }

    init(_ end: ContinuousClock.Instant) { self.end = end }

    var left: Duration { max(.zero, end - .now) }

    var hasPassed: Bool { left == .zero }

    static func < (one: Deadline, other: Deadline) -> Bool { one.end < other.end }

    /// The earlier of two.
    func orSooner(_ duration: Duration) -> Deadline { Deadline(min(end, .now + duration)) }

    /// Waits until a socket is ready.
    ///
    /// - Returns: what it is ready for, in the terms of `poll`; 0 when the time is up.
    func poll(_ socket: Int32, for events: Int32) -> Int32 {
        var entry = pollfd(fd: socket, events: Int16(events), revents: 0)
        while true {
            // Rounded up, or the last part of a millisecond would be spent asking.
            let milliseconds = min(left.milliseconds + 1, 3_600_000)
            switch Glibc.poll(&entry, 1, hasPassed ? 0 : Int32(milliseconds)) {
            case 0 where hasPassed: return 0
            case 0: continue
            case 1...: return Int32(entry.revents)
            default: guard errno == EINTR else { return Int32(POLLERR) }
            }
        }
    }
}

extension Duration {
    /// Whole milliseconds; the rest falls away.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
