import Core
import Hashing
import Persistence
import Synchronization

/// Writes turns down: in the store, or in the spool while the store cannot be reached.
///
/// The spool is a queue on the machine's own disk; the worker brings home what waits there. Names are chosen here, so a
/// write whose outcome is unknown is spooled as well: done twice, it is done once.
final class TurnRecorder: Sendable {
    let store: any ConversationStore
    let spool: (any JobQueue)?
    let health = StoreHealth()
    let recent = RecentConversations()
    let unsaved = UnsavedAnswers()
    /// The last turn of each conversation that went to the spool, by the name of its job.
    private let last = Mutex<Spooled>(Spooled())

    private struct Spooled {
        var names: [ConversationID: String] = [:]
        /// Whether all is written that an earlier server left in the spool.
        var isCaughtUp = false
    }
    /// Turns in the spool by their idempotency keys, so that a repeated request joins its turn during the outage too.
    private let waiting = Mutex<[String: BegunTurn]>([:])
    /// Whether an earlier server was answering a request: what became of it, the store knows, or will.
    private let wasAnswering: @Sendable (String) -> Bool
    /// Past it the oldest outage's keys are forgotten here; their requests are answered by the store once it is back.
    private static let maxWaiting = 10_000

    /// - Parameters:
    ///   - store: where turns belong.
    ///   - spool: `nil` where the store is on the machine's own disk as well, and fails only with it.
    ///   - wasAnswering: whether a request of that name was answered by an earlier server on this machine.
    init(
        _ store: any ConversationStore, spool: (any JobQueue)?, wasAnswering: @escaping @Sendable (String) -> Bool
    ) {
        self.store = store
        self.spool = spool
        self.wasAnswering = wasAnswering
    }

    /// Whether the store is another machine's, which may be away.
    var hasSpool: Bool { spool != nil }

    /// A turn that was begun.
    struct OpenTurn: Sendable {
        var begun: BegunTurn
        /// The turn as it waits in the spool; `nil` when it is in the store.
        var waiting: NewTurn?
    }

    /// The store failed a moment ago and was not asked again.
    private struct StoreDown: Error {}

    // MARK: Begin

    /// Stores the message and opens the answer's row.
    ///
    /// - Returns: when the message is on a disk.
    /// - Throws: as ``ConversationStore/begin(_:)``; `unavailable` when the spool cannot take it either, or nothing is known
    ///   here of the conversation.
    func begin(_ turn: NewTurn) async throws(StoreError) -> OpenTurn {
        guard let spool else { return try await beginInStore(turn) }
        if let open = try await self.waiting(turn, in: spool) { return open }
        if try await followsOne(turn, in: spool) {
            return try await begin(turn, in: spool, because: .unavailable(StoreDown()))
        }
        var cause = StoreError.unavailable(StoreDown())
        if health.mayAsk() {
            do throws(StoreError) {
                let open = try await beginInStore(turn)
                health.answered(true)
                return open
            } catch {
                guard case .unavailable = error else {
                    health.answered(true)
                    throw error
                }
                health.answered(false)
                cause = error
            }
        }
        return try await begin(turn, in: spool, because: cause)
    }

    private func beginInStore(_ turn: NewTurn) async throws(StoreError) -> OpenTurn {
        let begun = try await store.begin(turn)
        FaultPoint.reach("after_begin_before_ack")
        if spool != nil, begun.isNew, case .newConversation = turn.subject, let known = known(turn) {
            recent.note(.init(conversation: known.conversation, history: [begun.answer, begun.question]))
        }
        return OpenTurn(begun: begun)
    }

    /// The turn that a key names, while the spool has its beginning and the store does not.
    ///
    /// - Throws: `unavailable` for one that an earlier server began: it is there when the worker has brought it home.
    private func waiting(_ turn: NewTurn, in spool: any JobQueue) async throws(StoreError) -> OpenTurn? {
        guard let name = Self.name(of: turn), try await spool.hasJob(withKey: name) else { return nil }
        guard let joined = joined(turn) else { throw .unavailable(StoreDown()) }
        return joined
    }

    /// The turn in the spool that this process began under the key and with the text of `turn`.
    private func joined(_ turn: NewTurn) -> OpenTurn? {
        guard let name = Self.name(of: turn), var begun = waiting.withLock({ $0[name] }),
            begun.question.text == turn.subject.text
        else { return nil }
        begun.isNew = false
        return OpenTurn(begun: begun, waiting: turn)
    }

    /// Whether an earlier turn of the conversation is still on its way home: what follows goes the same way, so that
    /// their order stays.
    ///
    /// - Throws: `unavailable` when nobody knows, since it was an earlier server that put the turns there.
    private func followsOne(_ turn: NewTurn, in spool: any JobQueue) async throws(StoreError) -> Bool {
        guard case .message(let conversation, _) = turn.subject else { return false }
        if let name = last.withLock({ $0.names[conversation] }) {
            if try await spool.hasJob(withKey: name) { return true }
            last.withLock { $0.names[conversation] = nil }
            return false
        }
        if last.withLock({ $0.isCaughtUp }) || recent.find(conversation, of: turn.owner) != nil { return false }
        if try await isBringingHome(spool) { throw .unavailable(StoreDown()) }
        last.withLock { $0.isCaughtUp = true }
        return false
    }

    /// Whether turns are in the spool that a worker could write now; those that failed and wait do not hold others up.
    private func isBringingHome(_ spool: any JobQueue) async throws(StoreError) -> Bool {
        let ready = try await spool.jobs(in: .ready, of: .saveTurn, after: nil, limit: 20).items
        if ready.contains(where: { $0.dueAt == nil }) { return true }
        return try await !spool.jobs(in: .leased, of: .saveTurn, after: nil, limit: 1).items.isEmpty
    }

    /// What a request with a key is called, and the job that begins its turn.
    static func name(of turn: NewTurn) -> String? {
        // A key of a client's is its own text, and what names a job is stored in the clear.
        turn.key.map { "begin:\(turn.owner):\(SHA256.hex(of: $0))" }
    }

    private func begin(
        _ new: NewTurn, in spool: any JobQueue, because cause: StoreError
    ) async throws(StoreError) -> OpenTurn {
        guard let known = known(new) else { throw cause }
        let name = Self.name(of: new)
        // It has another answer already, which is found when the store is back.
        if let name, wasAnswering(name) { throw cause }
        var turn = new
        turn.begunAt = .now
        let rows = rows(of: turn, in: known.conversation)
        let begun = BegunTurn(turn: rows.turn, isNew: true, question: rows.question, answer: rows.answer)
        let deferred = DeferredTurn(begun: turn)
        let job = name.map { deferred.job(named: $0) } ?? deferred.job
        guard try await spool.enqueue([job]) == 1 else {
            guard let joined = joined(turn) else { throw cause }
            return joined
        }
        FaultPoint.reach("after_spool_before_ack")
        last.withLock { last in
            if last.names.count >= Self.maxWaiting { last.names = [:] }
            last.names[known.conversation.id] = job.uniqueKey
        }
        if let name {
            waiting.withLock { waiting in
                if waiting.count >= Self.maxWaiting { waiting = [:] }
                waiting[name] = begun
            }
        }
        recent.note(.init(conversation: known.conversation, history: [rows.answer, rows.question] + known.history))
        return OpenTurn(begun: begun, waiting: turn)
    }

    /// The conversation of a turn as far as it is known without the store; `nil` when it is not.
    private func known(_ turn: NewTurn) -> RecentConversations.Recent? {
        switch turn.subject {
        case .newConversation(let kind, let title, _):
            let conversation = Conversation(
                id: turn.names.conversation, owner: turn.owner, kind: kind, title: title, createdAt: .now)
            return .init(conversation: conversation, history: [])
        case .message(let id, _): return recent.find(id, of: turn.owner)
        case .retry: return nil
        }
    }

    /// The rows that the store will make of the turn.
    private func rows(
        of turn: NewTurn, in conversation: Conversation
    ) -> (turn: TurnReference, question: Message, answer: Message) {
        let names = TurnReference(
            conversation: conversation.id, userMessage: turn.names.userMessage,
            assistantMessage: turn.names.assistantMessage, stream: turn.names.stream)
        let time = turn.begunAt ?? .now
        let question = turn.question(turn.subject.text ?? "", in: conversation.id, at: time)
        return (names, question, turn.answer(to: question, at: time))
    }

    /// The conversation of a turn, and what was said in it before, newest first.
    ///
    /// - Parameters:
    ///   - turn: as ``begin(_:)`` returned it.
    ///   - limit: bytes of text, past which no more is read.
    /// - Returns: what a prompt is made of.
    /// - Throws: as ``ConversationStore/history(of:of:before:limit:)``.
    func context(
        of turn: OpenTurn, limit: Int
    ) async throws(StoreError) -> (conversation: Conversation, history: [Message]) {
        let (question, answer) = (turn.begun.question, turn.begun.answer)
        let known = recent.find(question.conversation, of: question.owner)
        if turn.waiting != nil, let known {
            return (known.conversation, known.said(before: question))
        }
        let conversation: Conversation
        let history: [Message]
        do throws(StoreError) {
            conversation = try await store.conversation(question.conversation, of: question.owner)
            history = try await store.history(
                of: conversation.id, of: question.owner, before: question.sequence, limit: limit)
        } catch {
            // The question is stored; that the store went away since is no reason not to answer it.
            guard case .unavailable = error, spool != nil, let known else { throw error }
            health.answered(false)
            return (known.conversation, known.said(before: question))
        }
        if spool != nil { recent.note(.init(conversation: conversation, history: [answer, question] + history)) }
        return (conversation, history)
    }

    /// A message, from what is known here while the store cannot be reached.
    ///
    /// - Throws: as ``ConversationStore/message(_:of:)``.
    func message(
        _ id: MessageID, in conversation: ConversationID, of owner: UserID
    ) async throws(StoreError) -> Message {
        do throws(StoreError) {
            return try await store.message(id, of: owner)
        } catch {
            let known = recent.find(conversation, of: owner)?.history.first { $0.id == id }
            // Until it is brought home, a turn in the spool is as unknown to the store as none.
            guard let known else { throw error }
            return known
        }
    }

    /// Lets go of what is known of a conversation that was deleted.
    func forget(_ conversation: ConversationID) { recent.forget(conversation) }

    /// Lets go of what is known of a user who was deleted; one who came back is known again with the next turn.
    func forget(of owner: UserID) {
        recent.forget(of: owner)
        waiting.withLock { waiting in waiting = waiting.filter { $0.value.question.owner != owner } }
    }
}

extension NewTurn.Subject {
    /// What the user says; `nil` for a retry.
    fileprivate var text: String? {
        switch self {
        case .newConversation(_, _, let text), .message(_, let text): text
        case .retry: nil
        }
    }
}

extension RecentConversations.Recent {
    /// What had been said when a question was asked.
    fileprivate func said(before question: Message) -> [Message] {
        history.filter { $0.state == .final && $0.id != question.id }
    }
}

extension JobQueue {
    fileprivate func hasJob(withKey name: String) async throws(StoreError) -> Bool {
        do throws(StoreError) {
            _ = try await job(withKey: name)
            return true
        } catch {
            guard case .notFound = error else { throw error }
            return false
        }
    }
}
