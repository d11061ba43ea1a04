@testable import HTTPServer
import Reactor
import Synchronization
import TestSupport

/// Notices that a writer makes no headway: that it has been suspended.
final class StallGauge: Sendable {
    let written = Tally()
    let stalls = Tally()
    private let timer = Mutex<LoopConfined<LoopTimer>?>(nil)
    private let last = Mutex((bytes: -1, times: 0))

    /// Looks every few milliseconds; the same count three times is a stall.
    func watch(on loop: EventLoop) {
        let timer = LoopTimer(on: loop) { [weak self] in self?.look() }
        timer.start(after: .milliseconds(10), repeating: true)
        let confined = LoopConfined(timer)
        self.timer.withLock { $0 = confined }
    }

    /// On the loop, where the timer must be let go of.
    func end() { timer.withLock { $0 = nil } }

    private func look() {
        let bytes = written.value
        let isStalled = last.withLock { last in
            last = (bytes, last.bytes == bytes ? last.times + 1 : 0)
            return last.times == 3
        }
        if isStalled { stalls.add() }
    }
}

extension HTTPServer {
    /// Bytes that the server holds for slow readers.
    func pendingBytes() async throws -> Int {
        var bytes = 0
        for worker in workers { bytes += await worker.pendingBytes }
        return bytes
    }
}

extension LoopWorker {
    fileprivate var pendingBytes: Int { connections.values.reduce(0) { $0 + $1.connection.pendingBytes } }
}
