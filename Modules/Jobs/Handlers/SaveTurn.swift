public import Persistence

/// Writes what a turn left while its store could not be reached.
public struct SaveTurn: JobHandler {
    private let store: any ConversationStore

    /// - Parameter store: where the turn belongs.
    public init(to store: any ConversationStore) { self.store = store }

    public var kind: JobKind { .saveTurn }

    public func work(on job: LeasedJob) async throws(JobError) -> JobEffect {
        guard let turn = job.payload.flatMap({ DeferredTurn(payload: $0) }) else {
            throw .failed(.unreadable, canHeal: false)
        }
        var effect = JobEffect.alreadyDone
        do throws(StoreError) {
            if let begun = turn.begun, try await store.begin(begun).isNew { effect = .done }
            for message in turn.messages.dropLast() where try await store.save(message) { effect = .done }
            if let last = turn.messages.last, try await store.save(last, then: turn.jobs) { effect = .done }
        } catch {
            // What it belongs to may stand in another job that is still to be worked on; when it was deleted, the dead
            // letter says so. What was acknowledged is never thrown away in silence.
            if case .notFound = error { throw .failed("save_turn: not_found", canHeal: true) }
            throw JobError(error, "save_turn")
        }
        return effect
    }
}
