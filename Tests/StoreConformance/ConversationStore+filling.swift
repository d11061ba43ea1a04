package import Core
package import Persistence

extension ConversationStore {
    /// A conversation with finished turns: `question 1`, `answer 1`, and so on.
    package func conversation(of owner: UserID, turns: Int = 1) async throws -> [BegunTurn] {
        var begun: [BegunTurn] = []
        for number in 1...max(1, turns) {
            let text = "question \(number)"
            let subject: NewTurn.Subject =
                if let first = begun.first {
                    .message(in: first.turn.conversation, text: text)
                } else {
                    .newConversation(kind: .chat, title: "A title", text: text)
                }
            begun.append(try await begin(NewTurn(owner: owner, subject: subject)))
            try await finish(begun[begun.count - 1].answer, "answer \(number)")
        }
        return begun
    }

    package func finish(_ answer: Message, _ text: String) async throws {
        var answer = answer
        answer.text = text
        answer.state = .final
        answer.outcome = .complete
        answer.version = Message.finalVersion
        try await save(answer)
    }

    /// All messages of a conversation, read page by page.
    package func allMessages(of conversation: ConversationID, of owner: UserID, limit: Int = 7) async throws
        -> [Message]
    {
        var messages: [Message] = []
        var cursor: String?
        repeat {
            let page = try await self.messages(of: conversation, of: owner, after: cursor, limit: limit)
            messages += page.items
            cursor = page.next
        } while cursor != nil
        return messages
    }

    /// All conversations of a user, read page by page.
    package func allConversations(of owner: UserID, limit: Int = 7) async throws -> [Conversation] {
        var conversations: [Conversation] = []
        var cursor: String?
        repeat {
            let page = try await self.conversations(of: owner, after: cursor, limit: limit)
            conversations += page.items
            cursor = page.next
        } while cursor != nil
        return conversations
    }
}
