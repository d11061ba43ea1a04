import Persistence
import Synchronization

/// Answers that ended while nothing could be written; they are tried again until they are.
///
/// Their viewers were told that they are not saved, and so they are not until then: should the server die meanwhile, what
/// the journal has of them is kept as `interrupted`.
final class UnsavedAnswers: Sendable {
    /// Writes one.
    typealias Write = @Sendable (Message, NewTurn?) async throws(StoreError) -> Void

    private struct State {
        var answers: [(answer: Message, waiting: NewTurn?)] = []
        var bytes = 0
        var isTrying = false
    }

    private let state = Mutex(State())
    private let pause: Duration
    /// Past it an answer is left as its last checkpoint has it.
    private static let maxBytes = 64 << 20

    /// - Parameter pause: between two tries.
    init(pause: Duration = .seconds(1)) { self.pause = pause }

    /// Keeps an answer until it is written.
    func keep(_ answer: Message, waiting: NewTurn?, _ write: @escaping Write) {
        let bytes = answer.size
        let mustStart = state.withLock { state in
            guard state.bytes + bytes <= Self.maxBytes else { return false }
            state.answers.append((answer, waiting))
            state.bytes += bytes
            defer { state.isTrying = true }
            return !state.isTrying
        }
        if mustStart { Task { await self.tryAll(write) } }
    }

    private func tryAll(_ write: Write) async {
        while let next = next() {
            do throws(StoreError) {
                try await write(next.answer, next.waiting)
                drop()
            } catch .unavailable, .full {
                try? await Task.sleep(for: pause)
            } catch {
                // Its conversation was deleted.
                drop()
            }
        }
    }

    private func next() -> (answer: Message, waiting: NewTurn?)? {
        state.withLock { state in
            if state.answers.isEmpty { state.isTrying = false }
            return state.answers.first
        }
    }

    private func drop() {
        state.withLock { state in state.bytes -= state.answers.removeFirst().answer.size }
    }
}

extension Message {
    fileprivate var size: Int { text.utf8.count + reasoning.utf8.count + 1000 }
}
