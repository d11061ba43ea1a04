import CSQLite
import Glibc

/// A thread for calls that block.
enum Thread {
    private final class Start: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a new detached thread; `name` has at most 15 bytes.
    static func start(named name: String, _ body: @escaping @Sendable () -> Void) {
        let start = Start {
            medstream_sqlite_name_thread(name)
            body()
        }
        let context = Unmanaged.passRetained(start).toOpaque()
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, context)
        precondition(failure == 0, "no thread could be started")
        pthread_detach(thread)
    }
}
