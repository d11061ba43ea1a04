public import Core
public import Providers

/// What a chat turn is made of.
public struct ChatSettings: Sendable {
    /// Of one message; past it the message is refused.
    public var maxMessageCharacters = 32_000
    /// How much of the conversation the model sees, newest first, the new message included.
    public var historyLimit = 8_000
    public var historyUnit = HistoryUnit.tokens
    /// The system prompt of each stage that is a conversation.
    public var prompts: [Stage: String] = [:]
    /// What answers cost.
    public var prices = PriceTable()
    /// How long a caller that waits for the whole answer may wait.
    public var batchTimeout = Duration.seconds(60)
    /// Between two records of an answer that is being written.
    public var checkpoint = Duration.seconds(5)
    /// How long an idempotency key is remembered.
    public var idempotencyRetention = Duration.seconds(86_400)

    public init() {}

    public enum HistoryUnit: String, Sendable, CaseIterable {
        case characters
        /// Estimated as 4 characters of English to one token.
        case tokens
    }
}
