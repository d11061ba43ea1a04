public import Core
public import Persistence
import Streaming

/// Conversations themselves.
extension ChatService {
    /// Begins an empty conversation.
    ///
    /// - Throws: `PlatformError` `invalidRequest` for a title that is too long.
    public func makeConversation(
        _ stage: Stage, title: String, as owner: UserID
    ) async throws(PlatformError) -> Conversation {
        let conversation = Conversation(
            owner: owner, kind: stage, title: try checked(title: title), isNamed: !title.isEmpty, createdAt: .now)
        try await storing { () throws(StoreError) in try await store.insert(conversation) }
        return conversation
    }

    /// A page of the user's conversations, the last used first.
    public func conversations(
        as owner: UserID, after cursor: String?, limit: Int
    ) async throws(PlatformError) -> Page<Conversation> {
        try await storing { () throws(StoreError) in
            try await store.conversations(of: owner, after: cursor, limit: limit)
        }
    }

    /// - Throws: `PlatformError` `notFound`.
    public func conversation(_ id: ConversationID, as owner: UserID) async throws(PlatformError) -> Conversation {
        try await storing { () throws(StoreError) in try await store.conversation(id, of: owner) }
    }

    /// - Throws: `PlatformError` `notFound`, `invalidRequest` for a title that is empty or too long.
    public func rename(
        _ id: ConversationID, to title: String, as owner: UserID
    ) async throws(PlatformError) -> Conversation {
        let title = try checked(title: title)
        guard !title.isEmpty else {
            throw PlatformError(.invalidRequest, "'title' is empty; give a text.", field: "title")
        }
        return try await storing { () throws(StoreError) in try await store.rename(id, to: title, of: owner) }
    }

    /// Deletes a conversation with all its messages; answers under way are stopped, and none is replayed any more.
    ///
    /// - Throws: `PlatformError` `notFound`.
    public func delete(_ id: ConversationID, as owner: UserID) async throws(PlatformError) {
        let streams = try await storing { () throws(StoreError) in try await store.delete(id, of: owner) }
        recorder.forget(id)
        for stream in streams {
            await hub.log(stream, for: owner)?.stop(.user)
            hub.remove(stream, for: owner)
        }
    }

    /// A page of a conversation's messages, oldest first.
    ///
    /// - Throws: `PlatformError` `notFound`.
    public func messages(
        of id: ConversationID, as owner: UserID, after cursor: String?, limit: Int
    ) async throws(PlatformError) -> Page<Message> {
        try await storing { () throws(StoreError) in
            try await store.messages(of: id, of: owner, after: cursor, limit: limit)
        }
    }

    private static let maxTitleCharacters = 200

    private func checked(title: String) throws(PlatformError) -> String {
        guard title.count <= Self.maxTitleCharacters else {
            throw PlatformError(
                .invalidRequest, "'title' has more than \(Self.maxTitleCharacters) characters; shorten it.",
                field: "title")
        }
        return title
    }
}
