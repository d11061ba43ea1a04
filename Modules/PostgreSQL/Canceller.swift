import CPQ
import Dispatch
import Synchronization

/// Asks servers to give up what nobody waits for any more.
///
/// Such a request needs a connection of its own, and libpq waits for its end; a server that does not answer holds up this
/// queue and nothing else. Past a number of requests that wait, new ones are let go: the server's own time-out remains.
final class Canceller: Sendable {
    private let queue = DispatchQueue(label: "postgresql-cancel")
    private let waiting = Atomic(0)

    private static let limit = 16

    /// Takes over what `PQgetCancel` made.
    func cancel(_ request: OpaquePointer?) {
        guard let request else { return }
        guard waiting.add(1, ordering: .relaxed).newValue <= Self.limit else {
            waiting.subtract(1, ordering: .relaxed)
            PQfreeCancel(request)
            return
        }
        // A pointer may not cross to another thread as such; nobody else has this one.
        let address = UInt(bitPattern: request)
        queue.async { [self] in
            if let request = OpaquePointer(bitPattern: address) {
                var reason = [CChar](repeating: 0, count: 256)
                _ = PQcancel(request, &reason, Int32(reason.count))
                PQfreeCancel(request)
            }
            waiting.subtract(1, ordering: .relaxed)
        }
    }
}
