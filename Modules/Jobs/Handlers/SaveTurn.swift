import Core
public import Persistence

/// Writes what a turn left while its store could not be reached.
///
/// What was acknowledged is never thrown away in silence: a turn whose conversation is not there was deleted with it, and
/// is done; but as long as an earlier turn of the same user stands among the dead letters, it may be that one which is
/// missing, and the job fails like any other until an operator replayed them.
public struct SaveTurn: JobHandler {
    private let store: any ConversationStore
    private let queue: any JobQueue

    /// - Parameters:
    ///   - store: where turns belong.
    ///   - queue: where they waited.
    public init(to store: any ConversationStore, from queue: any JobQueue) {
        self.store = store
        self.queue = queue
    }

    public var kind: JobKind { .saveTurn }

    /// Turns of one conversation keep their order; those of another do not wait for them.
    public func chain(of job: LeasedJob) -> String? {
        job.payload.flatMap { DeferredTurn(payload: $0) }?.conversation?.text ?? job.group
    }

    public func work(on job: LeasedJob) async throws(JobError) -> JobEffect {
        guard let turn = job.payload.flatMap({ DeferredTurn(payload: $0) }) else {
            throw .failed(.unreadable, canHeal: false)
        }
        do throws(StoreError) {
            return try await write(turn)
        } catch {
            guard case .notFound = error else { throw JobError(error, "save_turn") }
            guard try await hasDeadLetter(of: job) else { return .alreadyDone }
            throw .failed("save_turn: not_found", canHeal: true)
        }
    }

    private func write(_ turn: DeferredTurn) async throws(StoreError) -> JobEffect {
        var effect = JobEffect.alreadyDone
        if let begun = turn.begun, try await begin(begun) { effect = .done }
        for message in turn.messages.dropLast() where try await store.save(message) { effect = .done }
        if let last = turn.messages.last, try await store.save(last, then: turn.jobs) { effect = .done }
        return effect
    }

    /// Begins a turn under its own names, even if its key went to another turn meanwhile.
    private func begin(_ turn: NewTurn) async throws(StoreError) -> Bool {
        do throws(StoreError) {
            let begun = try await store.begin(turn)
            if begun.turn.assistantMessage == turn.names.assistantMessage { return begun.isNew }
        } catch {
            guard case .conflict(.key) = error else { throw error }
        }
        let keyless = NewTurn(
            owner: turn.owner, subject: turn.subject, keyRetention: turn.keyRetention, names: turn.names,
            begunAt: turn.begunAt)
        return try await store.begin(keyless).isNew
    }

    /// Whether a turn of the job's user could not be saved.
    private func hasDeadLetter(of job: LeasedJob) async throws(JobError) -> Bool {
        do throws(StoreError) {
            var cursor: String?
            repeat {
                let page = try await queue.jobs(in: .dead, of: .saveTurn, after: cursor, limit: 500)
                if page.items.contains(where: { $0.group == job.group }) { return true }
                cursor = page.next
            } while cursor != nil
            return false
        } catch {
            throw JobError(error, "save_turn")
        }
    }
}
