import Synchronization
import TestSupport

/// The requests a server has seen.
final class Requests: Sendable {
    private let seen = Mutex<[ScriptedServer.Request]>([])

    var all: [ScriptedServer.Request] { seen.withLock { $0 } }

    func add(_ request: ScriptedServer.Request) { seen.withLock { $0.append(request) } }
}
