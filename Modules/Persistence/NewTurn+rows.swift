package import Core

extension NewTurn {
    /// What is said, as the row that every store makes of it.
    ///
    /// - Parameters:
    ///   - text: what the subject tells; nothing is said for another answer.
    ///   - conversation: the one it is said in.
    ///   - sequence: its place there; 0 where that is not known yet.
    ///   - time: when it was said.
    /// - Returns: the message, under the name that the turn chose.
    package func question(
        _ text: String, in conversation: ConversationID, as sequence: Int = 0, at time: Timestamp
    ) -> Message {
        Message(
            id: names.userMessage, conversation: conversation, owner: owner, sequence: sequence, role: .user,
            text: text, createdAt: time)
    }

    /// The row of the answer, open for writing.
    ///
    /// - Parameters:
    ///   - question: the message that it answers.
    ///   - retried: the answer in whose place it is to stand.
    ///   - sequence: its place in the conversation; 0 where that is not known yet.
    ///   - time: when it was begun.
    /// - Returns: the message, under the names that the turn chose.
    package func answer(
        to question: Message, retrying retried: MessageID? = nil, as sequence: Int = 0, at time: Timestamp
    ) -> Message {
        Message(
            id: names.assistantMessage, conversation: question.conversation, owner: owner, sequence: sequence,
            role: .assistant, state: .streaming, stream: names.stream, replyTo: question.id, retryOf: retried,
            createdAt: time)
    }
}
