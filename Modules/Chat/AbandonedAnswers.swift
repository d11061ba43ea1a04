public import Core
import Hashing
public import Persistence
public import Streaming
public import Telemetry

/// Ends answers that a server left open when it died: what it had of them is kept, as `interrupted`.
///
/// The true end of an answer may be in the store or wait in the spool; it has a higher version, and stands.
public struct AbandonedAnswers: Sendable {
    private let store: any ConversationStore & StoreCare
    private let spool: (any JobQueue)?
    private let spooledEnds: SpooledEnds?
    private let log: Log

    public init(in store: any ConversationStore & StoreCare, spool: (any JobQueue)?, log: Log) {
        self.store = store
        self.spool = spool
        spooledEnds = spool.map { SpooledEnds(in: $0) }
        self.log = log
    }

    /// How an answer ended, of which the journal had no end.
    public enum Ending: Sendable {
        case interrupted
        /// As the store has it, or will have it: the texts, and the last events, of which the last is a `stream_done`.
        case recorded([StreamEvent.PanelText], [StreamEvent])
        /// Not at all: its conversation is no more.
        case deleted
    }

    /// Records how far the journal has an answer.
    public func close(_ stream: JournaledStream) async -> Ending {
        guard let subject = stream.subject else { return .interrupted }
        let row = Message(
            id: subject.message, conversation: subject.conversation, owner: stream.owner, role: .assistant,
            text: stream.text(.chat), reasoning: stream.text(.reasoning), state: .final, outcome: .interrupted,
            stream: stream.id, lastOffset: stream.lastOffset + Self.endOffset, version: Message.interruptedVersion,
            createdAt: .now)
        // Its beginning may be among what waits in the spool: its end belongs behind it, or it would be in its place.
        let unsaved = try? await spool?.unsavedTurns()
        if let unsaved, unsaved.waiting > 0 {
            if let end = await spooledEnds?.end(of: row.id) {
                return .recorded(end, in: stream.panels.last?.stage ?? .chat, isPending: true)
            }
            if let ending = try? await ending(of: row), case .recorded = ending { return ending }
            await spool(row)
            return .interrupted
        }
        do throws(StoreError) {
            if try await store.save(row) { return .interrupted }
            return try await ending(of: row)
        } catch .unavailable {
            await spool(row)
        } catch .notFound {
            // One that was given up may yet be put back by an operator, and a spool that is not to be read may have it.
            if spool == nil || unsaved?.dead == 0 { return .deleted }
        } catch {
            log.error("answer_not_closed", [.id("message", row.id)], detail: error)
        }
        return .interrupted
    }

    private func ending(of row: Message) async throws(StoreError) -> Ending {
        let stored = try await store.message(row.id, of: row.owner)
        guard stored.state == .final, stored.outcome != .interrupted else { return .interrupted }
        let stage = try await store.conversation(stored.conversation, of: stored.owner).kind
        return .recorded(stored, in: stage, isPending: false)
    }

    private func spool(_ row: Message) async {
        do throws(StoreError) {
            try await spool?.enqueue([DeferredTurn(messages: [row]).job])
        } catch {
            log.error("answer_not_closed", [.id("message", row.id)], detail: error)
        }
    }

    /// Ends those of which the journal knows nothing, with the text of their last record.
    ///
    /// - Parameter isRunning: whether an answer is being written here; it is left alone.
    /// - Returns: how many there were.
    /// - Throws: ``StoreError/unavailable(_:)``; the rest is ended by the next call.
    @discardableResult
    public func closeRest(
        unless isRunning: (StreamID, UserID) -> Bool = { _, _ in false }
    ) async throws(StoreError) -> Int {
        var count = 0
        while true {
            let found = try await store.unfinished(limit: Self.atOnce)
            let open = found.filter { answer in answer.stream.map { !isRunning($0, answer.owner) } ?? true }
            for var answer in open {
                answer.state = .final
                answer.outcome = .interrupted
                answer.version = Message.abandonedVersion
                answer.lastOffset = Self.endOffset
                do throws(StoreError) {
                    try await store.save(answer)
                } catch .notFound {
                    continue
                }
            }
            count += open.count
            // What is left alone would be found again.
            guard open.count == Self.atOnce else { return count }
        }
    }

    private static let atOnce = 200
    /// Past the last event that anybody can have seen: a `resync`, an `error` and the `stream_done`.
    private static let endOffset = JournaledStream.leap + 3
}

extension AbandonedAnswers.Ending {
    /// The end that an answer's row tells.
    fileprivate static func recorded(_ row: Message, in stage: Stage, isPending: Bool) -> Self {
        let saved = StreamEvent.saved(
            message: row.id, length: row.text.utf8.count, sha256: SHA256.hex(of: row.text), isPending: isPending)
        return .recorded(row.panels(of: stage), [saved, row.done])
    }
}

extension JobQueue {
    /// How many jobs of turns the queue has that are not in the store yet: on their way there, and given up.
    func unsavedTurns() async throws(StoreError) -> (waiting: Int, dead: Int) {
        let counts = try await statistics().first { $0.kind == .saveTurn }
        return counts.map { ($0.due + $0.delayed + $0.leased, $0.dead) } ?? (0, 0)
    }
}
