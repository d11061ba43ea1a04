import Dispatch
import Glibc
import Synchronization

/// Takes lines without waiting and writes them out on a queue of its own.
final class LogWriter: Sendable {
    /// Lines that wait; past it new ones are dropped and counted.
    static let maxWaitingBytes = 1 << 20

    private struct State {
        var waiting: [UInt8] = []
        var dropped = 0
        var isScheduled = false
    }

    private let sink: @Sendable ([UInt8]) -> Void
    private let report: @Sendable (Int) -> [UInt8]
    private let queue = DispatchQueue(label: "log")
    private let state = Mutex(State())

    /// - Parameters:
    ///   - sink: is given lines on the writer's queue.
    ///   - report: the line that says how many were dropped.
    init(into sink: @escaping @Sendable ([UInt8]) -> Void, report: @escaping @Sendable (Int) -> [UInt8]) {
        self.sink = sink
        self.report = report
    }

    func append(_ line: [UInt8]) {
        let mustSchedule = state.withLock { state in
            // Once a line is dropped, so are those behind it until the report of it is out: it stands where they lack.
            guard state.dropped == 0, state.waiting.count + line.count <= Self.maxWaitingBytes else {
                state.dropped += 1
                return false
            }
            state.waiting += line
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if mustSchedule { queue.async { self.drain() } }
    }

    func flush(within limit: Duration) -> Bool {
        let isDone = DispatchSemaphore(value: 0)
        queue.async {
            self.drain()
            isDone.signal()
        }
        let (seconds, attoseconds) = limit.components
        let nanoseconds = Double(seconds) * 1e9 + Double(attoseconds) * 1e-9
        return isDone.wait(timeout: .now() + .nanoseconds(Int(min(max(nanoseconds, 0), 1e18)))) == .success
    }

    private func drain() {
        let (lines, dropped) = state.withLock { state in
            defer { state = State() }
            return (state.waiting, state.dropped)
        }
        let written = dropped > 0 ? lines + report(dropped) : lines
        if !written.isEmpty { sink(written) }
    }

    /// Writes everything, waiting for a descriptor that is full.
    ///
    /// What cannot be written for another reason is lost: there is nowhere else to say it.
    static func write(_ lines: [UInt8], to descriptor: Int32) {
        var rest = lines[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                unsafe _ = poll(&waiting, 1, -1)
            } else if errno != EINTR {
                return
            }
        }
    }
}
