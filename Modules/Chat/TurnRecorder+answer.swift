import Core
import Persistence

/// What becomes of an answer: its records while it is written, and its end.
extension TurnRecorder {
    /// Records how far an answer has come; what fails is made up for by the next record.
    func checkpoint(_ answer: Message) async {
        guard health.isReachable else { return }
        do throws(StoreError) {
            try await store.save(answer)
        } catch .unavailable {
            health.answered(false)
        } catch {
            // Deleted, or no room: the end tells.
        }
    }

    /// Records the end of an answer; where that fails, for as long as the process lives it is tried again.
    ///
    /// - Returns: whether it is in the store; if not, it is in the spool, which is as durable.
    /// - Throws: as ``ConversationStore/save(_:then:)``.
    func finish(_ answer: Message, waiting turn: NewTurn?) async throws(StoreError) -> Bool {
        do throws(StoreError) {
            return try await record(answer, waiting: turn)
        } catch {
            switch error {
            case .unavailable, .full:
                unsaved.keep(answer, waiting: turn) { [self] answer, turn throws(StoreError) in
                    _ = try await record(answer, waiting: turn)
                }
            default: break
            }
            throw error
        }
    }

    private func record(_ answer: Message, waiting turn: NewTurn?) async throws(StoreError) -> Bool {
        FaultPoint.reach("before_save")
        let jobs = [ConversationToDescribe(answer.conversation, of: answer.owner, after: answer.id).job]
        if spool == nil || health.mayAsk() {
            do throws(StoreError) {
                try await store.save(answer, then: jobs)
                health.answered(true)
                FaultPoint.reach("after_commit_before_ack")
                if spool != nil { recent.update(answer) }
                return true
            } catch {
                switch error {
                case .unavailable where spool != nil: health.answered(false)
                // Its beginning is still on its way home, and its end goes behind it.
                case .notFound where turn != nil: health.answered(true)
                default:
                    health.answered(true)
                    throw error
                }
            }
        }
        guard let spool else { return true }
        try await spool.enqueue([DeferredTurn(begun: turn, messages: [answer], jobs: jobs).job])
        FaultPoint.reach("after_spool_before_ack")
        recent.update(answer)
        return false
    }
}
