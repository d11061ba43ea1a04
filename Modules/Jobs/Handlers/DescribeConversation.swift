import Core
public import Persistence

/// Gives a conversation its summary, and a title when its user gave none; see ``Digest``.
public struct DescribeConversation: JobHandler {
    private let store: any ConversationStore

    /// - Parameter store: where the conversations are.
    public init(in store: any ConversationStore) { self.store = store }

    public var kind: JobKind { .describeConversation }

    /// Messages from the start that are read for the title and what it was about.
    private static let openingMessages = 4
    /// Bytes of text from the end that are read for what it came to.
    private static let closingBytes = 64 << 10

    public func work(on job: LeasedJob) async throws(JobError) -> JobEffect {
        guard let wish = job.payload.flatMap({ ConversationToDescribe(payload: $0) }) else {
            throw .failed(.unreadable, canHeal: false)
        }
        do throws(StoreError) {
            let (id, owner) = (wish.conversation, wish.owner)
            guard try await !hasLaterAnswer(than: wish) else { return .alreadyDone }
            let before = try await store.conversation(id, of: owner)
            let digest = Digest(of: try await messages(of: id, owner))
            let title = before.isNamed || digest.title.isEmpty ? nil : digest.title
            guard title.map({ $0 != before.title }) ?? false || digest.summary != before.summary else {
                return .alreadyDone
            }
            try await store.describe(id, title: title, summary: digest.summary, of: owner)
            return .done
        } catch {
            // Deleted meanwhile.
            if case .notFound = error { return .alreadyDone }
            throw JobError(error, "describe_conversation")
        }
    }

    /// Whether the newest that was said is a later answer: it has a job of its own, which describes this one with it.
    ///
    /// A conversation that comes home from the spool is described once and not after each of its answers. One that a
    /// crash ended has no job.
    private func hasLaterAnswer(than wish: ConversationToDescribe) async throws(StoreError) -> Bool {
        let newest = try await store.history(of: wish.conversation, of: wish.owner, before: .max, limit: 0).first
        guard let newest, newest.role == .assistant, newest.outcome != .interrupted else { return false }
        return wish.after.text < newest.id.text
    }

    /// The first and the last of a conversation, in their order: the middle of a long one is left out.
    private func messages(of id: ConversationID, _ owner: UserID) async throws(StoreError) -> [Message] {
        let opening = try await store.messages(of: id, of: owner, after: nil, limit: Self.openingMessages).items
        let closing = try await store.history(of: id, of: owner, before: .max, limit: Self.closingBytes)
        let known = Set(closing.map(\.id))
        return opening.filter { !known.contains($0.id) } + closing.reversed()
    }
}
