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

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "log")
    private let state = Mutex(State())

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    func append(_ line: [UInt8]) {
        let mustSchedule = state.withLock { state in
            guard state.waiting.count + line.count <= Self.maxWaitingBytes else {
                state.dropped += 1
                return false
            }
            state.waiting += line
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if mustSchedule { queue.async { self.drain() } }
    }

    func flush() { queue.sync { drain() } }

    private func drain() {
        let lines = state.withLock { state in
            state.isScheduled = false
            var lines = state.waiting
            state.waiting = []
            if state.dropped > 0 {
                lines +=
                    Array(#"{"level":"error","event":"log_lines_dropped","count":\#(state.dropped)}"#.utf8) + [0x0A]
                state.dropped = 0
            }
            return lines
        }
        var rest = lines[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
