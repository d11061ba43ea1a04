import Glibc

/// Work that waits for a thread, first come, first served.
///
/// `@unchecked Sendable`: what it holds is touched under its mutex alone.
final class Mailbox<Work: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var waiting: [Work] = []
    private var sleepers = 0
    private var isClosed = false

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// - Returns: `false` when nobody takes anything any more.
    func put(_ work: Work) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard !isClosed else { return false }
        waiting.append(work)
        if sleepers > 0 { pthread_cond_signal(condition) }
        return true
    }

    /// Waits until there is something, then takes what comes first and what `fits` after it.
    ///
    /// - Parameter fits: whether a piece still goes with those before it; not asked about the first.
    /// - Returns: `nil` when the box is closed and empty.
    func take(while fits: (Work) -> Bool) -> [Work]? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while waiting.isEmpty {
            guard !isClosed else { return nil }
            sleepers += 1
            pthread_cond_wait(condition, mutex)
            sleepers -= 1
        }
        let count = 1 + waiting.dropFirst().prefix(while: fits).count
        guard count < waiting.count else {
            let all = waiting
            waiting = []
            return all
        }
        let taken = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        return taken
    }

    var isEmpty: Bool { count == 0 }

    var count: Int {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return waiting.count
    }

    /// Takes nothing more in; what is there will be worked on.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }
}
