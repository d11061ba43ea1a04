public import Persistence
import Synchronization

/// What a worker has done so far, by kind of job; counting waits for nobody.
public final class WorkerCounts: Sendable {
    /// The counts of one kind.
    public struct Counts: Sendable, Hashable {
        public var finished = 0
        /// Of the finished, those whose effect was there already.
        public var suppressed = 0
        public var retried = 0
        public var buried = 0
        /// Given back unharmed, because of an outage or a stop.
        public var givenBack = 0
        /// Jobs whose lease another worker had by the time they were to be settled.
        public var lost = 0
        public var running = 0

        public init() {}
    }

    private struct State {
        var byKind: [JobKind: Counts] = [:]
        var outages = 0
        var leases = 0
        var lostLeases = 0
        var reclaimed = Reclaimed()
        var isShut = false
    }

    private let state = Mutex(State())

    public init() {}

    public var byKind: [JobKind: Counts] { state.withLock { $0.byKind } }
    /// Calls that met a target, or a queue, that was down.
    public var outages: Int { state.withLock { $0.outages } }
    public var leases: Int { state.withLock { $0.leases } }
    public var lostLeases: Int { state.withLock { $0.lostLeases } }
    public var reclaimed: Reclaimed { state.withLock { $0.reclaimed } }

    /// Whether the breaker keeps it from trying.
    public var isShut: Bool { state.withLock { $0.isShut } }

    func setShut(_ isShut: Bool) { state.withLock { $0.isShut = isShut } }

    func add(_ amount: Int = 1, to count: WritableKeyPath<Counts, Int>, of kind: JobKind) {
        state.withLock { $0.byKind[kind, default: Counts()][keyPath: count] += amount }
    }

    func addOutage() { state.withLock { $0.outages += 1 } }

    func addLease() { state.withLock { $0.leases += 1 } }

    func addLost(_ leases: Int) { state.withLock { $0.lostLeases += leases } }

    func add(_ found: Reclaimed) {
        state.withLock {
            $0.reclaimed.returned += found.returned
            $0.reclaimed.buried += found.buried
        }
    }
}
