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
            if let last = turn.messages.last, try await store.save(last) { effect = .done }
        } catch {
            // Its conversation was deleted meanwhile: what there was to save is not wanted any more.
            if case .notFound = error { return .alreadyDone }
            throw JobError(error, "save_turn")
        }
        return effect
    }
}
