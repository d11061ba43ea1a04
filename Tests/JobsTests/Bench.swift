import Core
import Jobs
import Persistence
import Synchronization
import Telemetry
import TestSupport

/// A handler whose results a test decides.
final class ScriptedHandler: JobHandler {
    let kind: JobKind
    /// Calls so far.
    let calls = Tally()
    private let result: @Sendable (LeasedJob) async throws(JobError) -> JobEffect
    private let state = Mutex<(order: [String], running: Int, most: Int)>(([], 0, 0))

    init(
        _ kind: JobKind = .saveTurn,
        _ result: @escaping @Sendable (LeasedJob) async throws(JobError) -> JobEffect = { _ in .done }
    ) {
        self.kind = kind
        self.result = result
    }

    /// What the payloads of the jobs said, in the order they were begun in.
    var order: [String] { state.withLock { $0.order } }
    /// The most that were worked on at the same time.
    var most: Int { state.withLock { $0.most } }

    func work(on job: LeasedJob) async throws(JobError) -> JobEffect {
        state.withLock {
            $0.order.append(String(decoding: job.payload ?? [], as: UTF8.self))
            $0.running += 1
            $0.most = max($0.most, $0.running)
        }
        defer {
            state.withLock { $0.running -= 1 }
            calls.add()
        }
        return try await result(job)
    }
}

/// A switch that a test turns.
final class Switch: Sendable {
    private let state = Mutex(false)

    var isOn: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// Holds tasks until it is opened; those that are cancelled go on.
final class Door: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var count = 0
    }

    private let state = Mutex(State())
    /// Tasks that came to it.
    let arrivals = Tally()

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for task in waiting { task.resume() }
    }

    func pass() async {
        let id = state.withLock { state in
            state.count += 1
            return state.count
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayPass = state.withLock { state in
                    if state.isOpen || Task.isCancelled { return true }
                    state.waiting[id] = continuation
                    return false
                }
                arrivals.add()
                if mayPass { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
        }
    }
}

extension WorkerSettings {
    /// Quick enough for a test, with leases that do not end within one.
    static var quick: WorkerSettings {
        var settings = WorkerSettings()
        settings.poll = .milliseconds(2)
        settings.reclaim = .milliseconds(2)
        settings.breaker.shortestWait = .milliseconds(1)
        settings.breaker.longestWait = .milliseconds(5)
        return settings
    }
}

extension Log {
    static var silent: Log { Log(level: .error, sink: { _ in }) }
}

extension JobQueue {
    func add(_ texts: [String], kind: JobKind = .saveTurn, group: String? = nil) async throws {
        for text in texts { try await enqueue([NewJob(kind: kind, group: group, payload: Array(text.utf8))]) }
    }

    /// Waits, looking again and again, until nothing is left but dead letters and what waits for its time.
    func drained() async throws {
        try await wait(while: try await statistics().contains(where: { $0.due + $0.leased > 0 }))
    }
}
