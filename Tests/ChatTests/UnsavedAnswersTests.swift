import Core
import Persistence
import Synchronization
import TestSupport
import Testing

@testable import Chat

@Suite("Answers that could not be saved", .timeLimit(.minutes(1)))
struct UnsavedAnswersTests {
    /// A store that refuses so many writes for each reason, in this order, and then takes them.
    private final class Refusing: Sendable {
        struct Outage: Error {}
        let refusals: Mutex<[StoreError]>
        let written = Mutex<[MessageID]>([])
        let tries = Tally()

        init(_ refusals: [StoreError]) { self.refusals = Mutex(refusals) }

        func write(_ answer: Message) throws(StoreError) {
            defer { tries.add() }
            if let refusal = refusals.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw refusal }
            written.withLock { $0.append(answer.id) }
        }
    }

    private func answer() -> Message {
        Message(conversation: ConversationID(), owner: UserID(), role: .assistant, text: "An answer.", createdAt: .now)
    }

    @Test("Are tried until they are written, in their order", arguments: [0, 1, 5])
    func tried(refusals: Int) async {
        let store = Refusing((0..<refusals).map { $0.isMultiple(of: 2) ? .full : .unavailable(Refusing.Outage()) })
        let unsaved = UnsavedAnswers(pause: .zero)
        let answers = (0..<3).map { _ in answer() }
        for answer in answers {
            unsaved.keep(answer, waiting: nil) { answer, _ throws(StoreError) in try store.write(answer) }
        }
        await store.tries.reaches(refusals + answers.count)
        #expect(store.written.withLock { $0 } == answers.map(\.id))
    }

    @Test("Are let go of when their conversation is gone")
    func gone() async {
        let store = Refusing([.notFound])
        let unsaved = UnsavedAnswers(pause: .zero)
        let answers = [answer(), answer()]
        for answer in answers {
            unsaved.keep(answer, waiting: nil) { answer, _ throws(StoreError) in try store.write(answer) }
        }
        await store.tries.reaches(2)
        #expect(store.written.withLock { $0 } == [answers[1].id])
    }
}
