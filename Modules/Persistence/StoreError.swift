/// Why a store did not do what it was asked.
public enum StoreError: Error, Sendable {
    /// There is no such row, or it belongs to somebody else; which of the two is not told.
    case notFound
    /// The request contradicts what is stored; nothing was written.
    case conflict(Conflict)
    /// The store cannot be reached or failed; whether the write happened is unknown, and repeating it is safe.
    case unavailable(cause: any Error)
    /// A bound of the store is reached; nothing was written.
    case full

    public enum Conflict: String, Sendable, Hashable, CaseIterable {
        /// The key began a turn with another request.
        case idempotencyKey = "idempotency_key"
        /// A row with this id says something else that cannot change: its conversation, its role, its stream.
        case identifier
        /// The answer to be retried is still being written.
        case stillStreaming = "still_streaming"
    }
}
