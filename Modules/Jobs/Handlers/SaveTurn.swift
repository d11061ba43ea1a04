import Core
public import Persistence

/// Writes what a turn left while its store could not be reached.
///
/// What was acknowledged is never thrown away in silence: a turn whose conversation is not there was deleted with it, and
/// is done; but as long as an earlier turn of the same user stands among the dead letters, it may be that one which is
/// missing, and the job fails like any other until an operator replayed them.
public struct SaveTurn: JobHandler {
    private let store: any ConversationStore & StoreCare
    private let queue: any JobQueue

    /// - Parameters:
    ///   - store: where turns belong.
    ///   - queue: where they waited.
    public init(to store: any ConversationStore & StoreCare, from queue: any JobQueue) {
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
            let effect = try await write(turn)
            try await takeBack(turn)
            return effect
        } catch {
            guard case .notFound = error else { throw JobError(error, "save_turn") }
            guard try await hasDeadLetter(of: job) else { return .alreadyDone }
            throw .failed("save_turn: not_found", canHeal: true)
        }
    }

    /// Deletes the conversation that a turn began if its user was deleted while it waited: on another machine, which saw
    /// nothing of this one's spool.
    private func takeBack(_ turn: DeferredTurn) async throws(StoreError) {
        guard let begun = turn.begun, case .newConversation = begun.subject, let time = begun.begunAt,
            try await store.wasDeleted(begun.owner, since: time)
        else { return }
        try await store.delete(begun.names.conversation, of: begun.owner)
    }

    private func write(_ turn: DeferredTurn) async throws(StoreError) -> JobEffect {
        do throws(StoreError) {
            // Most beginnings have a job of their own, which came before.
            if !turn.messages.isEmpty { return try await save(turn.messages, of: turn) }
        } catch {
            guard case .notFound = error, turn.begun != nil else { throw error }
        }
        guard let begun = turn.begun else { return .alreadyDone }
        let stored = try await begin(begun)
        var messages = turn.messages
        for index in messages.indices where messages[index].id == stored.answer.id {
            messages[index].replyTo = stored.answer.replyTo
            messages[index].retryOf = stored.answer.retryOf
        }
        let effect = try await save(messages, of: turn)
        return stored.isNew ? .done : effect
    }

    private func save(_ messages: [Message], of turn: DeferredTurn) async throws(StoreError) -> JobEffect {
        var effect = JobEffect.alreadyDone
        for message in messages.dropLast() where try await store.save(message) { effect = .done }
        if let last = messages.last, try await store.save(last, then: turn.jobs) { effect = .done }
        return effect
    }

    // MARK: Beginning

    /// Begins a turn with the names that its user was told, even if its key names another turn.
    ///
    /// That other one is an earlier attempt at the same, of which the server that took this one could not know: it was
    /// begun by a server that died, and the store was away when the user asked again.
    private func begin(_ turn: NewTurn) async throws(StoreError) -> BegunTurn {
        do throws(StoreError) {
            let begun = try await store.begin(turn)
            if begun.turn.assistantMessage == turn.names.assistantMessage { return begun }
            if let replaced = try await replace(begun, by: turn) { return replaced }
        } catch {
            guard case .conflict(.key) = error else { throw error }
        }
        return try await store.begin(turn.keyless(turn.subject))
    }

    /// Has a turn take the place of an attempt that came to nothing, so that what was asked once stands there once.
    ///
    /// - Returns: `nil` when the attempt was answered, and both stay.
    /// - Throws: `conflict` with `stillStreaming` until the attempt has ended: whoever finds its server dead ends it.
    private func replace(_ attempt: BegunTurn, by turn: NewTurn) async throws(StoreError) -> BegunTurn? {
        guard attempt.answer.state == .final else { throw .conflict(.stillStreaming) }
        guard attempt.answer.outcome != .complete else { return nil }
        switch turn.subject {
        case .newConversation:
            let conversation = attempt.turn.conversation
            let page = try await store.messages(of: conversation, of: turn.owner, after: nil, limit: 3)
            guard page.items.map(\.id) == [attempt.question.id, attempt.answer.id] else { return nil }
            _ = try await store.delete(conversation, of: turn.owner)
            return try await store.begin(turn)
        case .message:
            return try await store.begin(turn.keyless(.retry(of: attempt.turn.stream)))
        case .retry: return nil
        }
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

extension NewTurn {
    /// A turn of the same names about a subject, without its key.
    fileprivate func keyless(_ subject: Subject) -> NewTurn {
        NewTurn(owner: owner, subject: subject, keyRetention: keyRetention, names: names, begunAt: begunAt)
    }
}
