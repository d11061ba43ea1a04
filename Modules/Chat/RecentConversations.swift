import Core
import Persistence
import Synchronization

/// What was said lately, so that a conversation goes on while the store cannot be reached.
///
/// Each process knows the conversations it has seen, up to a bound; what is not here has to wait for the store.
final class RecentConversations: Sendable {
    /// One conversation, as far as the models are shown it.
    struct Recent: Sendable {
        var conversation: Conversation
        /// Newest first, answers that are being written included.
        var history: [Message]

        fileprivate var bytes: Int { history.reduce(0) { $0 + $1.text.utf8.count } }
    }

    private struct Generations {
        var young: [ConversationID: Recent] = [:]
        var old: [ConversationID: Recent] = [:]
        var bytes = 0
    }

    private let generations = Mutex(Generations())
    private let limit: Int

    /// `limit`: bytes of text, of about half of what is kept.
    init(limit: Int = 32 << 20) { self.limit = limit }

    /// Notes how a conversation stands.
    func note(_ recent: Recent) {
        generations.withLock { generations in
            let id = recent.conversation.id
            generations.bytes += recent.bytes - (generations.young[id]?.bytes ?? 0)
            generations.young[id] = recent
            generations.old[id] = nil
            // Two generations forget what was not used for long without a list in the order of use.
            guard generations.bytes > limit else { return }
            generations.old = generations.young
            generations.young = [:]
            generations.bytes = 0
        }
    }

    /// Takes over how an answer ended; nothing, where the conversation is not known.
    func update(_ answer: Message) {
        guard var recent = find(answer.conversation, of: answer.owner),
            let place = recent.history.firstIndex(where: { $0.id == answer.id })
        else { return }
        recent.history[place] = answer
        note(recent)
    }

    /// A conversation of this user's.
    func find(_ id: ConversationID, of owner: UserID) -> Recent? {
        let recent = generations.withLock { $0.young[id] ?? $0.old[id] }
        return recent?.conversation.owner == owner ? recent : nil
    }

    /// Lets go of all of a user's.
    func forget(of owner: UserID) {
        generations.withLock { generations in
            for (id, recent) in generations.young where recent.conversation.owner == owner {
                generations.bytes -= recent.bytes
                generations.young[id] = nil
            }
            generations.old = generations.old.filter { $0.value.conversation.owner != owner }
        }
    }

    func forget(_ id: ConversationID) {
        generations.withLock { generations in
            generations.bytes -= generations.young.removeValue(forKey: id)?.bytes ?? 0
            generations.old[id] = nil
        }
    }
}
