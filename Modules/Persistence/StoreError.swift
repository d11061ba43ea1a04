/// Why a store did not do what it was asked.
public enum StoreError: Error, Sendable {
    /// There is no such thing, or it is another user's; which of the two is not told.
    case notFound
    /// The call contradicts what is stored; nothing was written.
    case conflict(Conflict)
    /// The store has reached its bounds; nothing was written.
    case full
    /// The store cannot be reached or failed; the cause is for the log.
    ///
    /// Whether a write happened is then unknown, and making the same call again is safe.
    case unavailable(any Error)

    public enum Conflict: String, Sendable, Hashable, CaseIterable {
        /// The idempotency key was used for something else.
        case key
        /// The answer that is to be retried is still being written.
        case stillStreaming = "still_streaming"
        /// Another row has this id or stream, or the row differs in what cannot change.
        case identifier
        /// Another account has this e-mail address.
        case email
    }
}
