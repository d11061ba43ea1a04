/// A piece of what a model says, in no provider's dialect.
///
/// A provider emits any number of `reasoning`, `content`, `flag` and `usage` in any order and at most one `finish`,
/// after which `usage`, `flag` and `retract` may still come. Text is never empty and is cut wherever the provider cut it, but never
/// inside a Unicode scalar. A stream that ends without `finish` was cut short.
public enum Delta: Sendable, Hashable {
    /// The model answering, as it names itself; at most once, first.
    case start(model: String)
    /// Text for the reasoning panel.
    case reasoning(String)
    /// Text for the chat panel.
    case content(String)
    /// Something the user or the record should know of: a refusal, a filter, a guardrail.
    case flag(Flag)
    /// All text so far is withdrawn, reasoning included: a filter that runs behind the text found it unfit to show.
    ///
    /// No text follows it, and the finish is ``FinishReason/contentFilter``.
    case retract
    /// Tokens used so far; the last one counts.
    case usage(Usage)
    case finish(FinishReason)

    /// Whether the user sees something of it.
    public var isText: Bool {
        switch self {
        case .reasoning, .content: true
        case .start, .flag, .retract, .usage, .finish: false
        }
    }

    public struct Flag: Sendable, Hashable {
        /// Such as `refusal` or `content_filter`.
        public var kind: String
        public var detail: String

        public init(kind: String, detail: String) {
            self.kind = kind
            self.detail = detail
        }
    }
}

/// Why a model stopped.
public enum FinishReason: String, Sendable, Hashable, CaseIterable {
    case stop, length
    case contentFilter = "content_filter"
    case toolCalls = "tool_calls"
    case error, other
}

/// How a run ended; exactly one stands on every `stream_done`.
public enum Outcome: String, Sendable, Hashable, CaseIterable {
    /// The model came to its end.
    case complete
    /// The text stops early: the provider's stream broke off, a limit was reached or the server shut down.
    case truncated
    /// A content filter withheld the answer or the rest of it.
    case blocked
    /// The user pressed stop.
    case cancelled
    /// Nothing usable came.
    case failed
    /// The server died in the middle; what was kept of the text is there, and a retry is offered.
    case interrupted
}
