import Core
import Persistence
import TestSupport
import Testing

@testable import Chat

/// What becomes of a turn that was begun while the store was away.
@Suite("A turn in the spool", .timeLimit(.minutes(1)))
struct SpooledTurnTests {
    @Test("Its end goes to the store once its beginning is there, and behind it before that", arguments: [true, false])
    func ends(isHome: Bool) async throws {
        let (store, spool) = (FailingStore(), InMemoryQueue())
        let recorder = TurnRecorder(store, spool: spool) { _ in false }
        store.fails(.begin)
        let turn = NewTurn(owner: someone, subject: .newConversation(kind: .chat, title: "", text: "What is a cough?"))
        let open = try await recorder.begin(turn)
        let waiting = try #require(open.waiting)
        #expect(!recorder.health.isReachable)

        store.fails(nil)
        recorder.health.answered(true)
        if isHome { #expect(try await store.begin(waiting).isNew) }
        var answer = open.begun.answer
        answer.text = "It clears the airways."
        answer.state = .final
        answer.outcome = .complete
        answer.version = Message.finalVersion
        #expect(try await recorder.finish(answer, waiting: waiting) == isHome)
        #expect(recorder.health.isReachable)
        let jobs = try await spool.jobs(in: .ready, of: .saveTurn, after: nil, limit: 9).items
        #expect(jobs.count == (isHome ? 1 : 2))
        guard isHome else { return }
        #expect(try await store.message(answer.id, of: someone).text == "It clears the airways.")
    }
}
