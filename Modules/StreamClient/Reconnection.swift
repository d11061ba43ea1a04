public import Core

/// Where a reader stands in a stream, and what it does when its connection ends.
///
/// A plain state machine: no clock, no socket. Whatever happens to the connections, the events it lets through are the
/// stream's, each once, without a gap; where the server no longer has them, a `resync` stands in for them.
public struct Reconnection: Sendable {
    /// The last event let through, or the place to begin after.
    public private(set) var position: EventID
    /// Whether the stream's last event has been let through.
    public private(set) var isFinished = false
    private var backoff: Backoff

    /// Stands after the event at `offset`, the last that is not wanted; 0 to have all.
    public init(to stream: StreamID, after offset: Int = 0, backoff: Backoff = .stream) {
        position = EventID(stream: stream, offset: offset)
        self.backoff = backoff
    }

    /// What to send as `Last-Event-ID`; nothing to begin at the first event.
    public var lastEventID: String? { position.offset > 0 ? position.description : nil }

    /// What is to be done with an event.
    public enum Verdict: Sendable, Hashable {
        case show
        /// It was shown before.
        case skip
        /// Events before it are missing: the connection is to be given up.
        case refuse(ClientError)

        var refusal: ClientError? {
            guard case .refuse(let error) = self else { return nil }
            return error
        }
    }

    /// What is to be done after a connection has ended or could not be made.
    public enum Step: Sendable, Hashable {
        case connect(after: Duration)
        case finish
        case fail(ClientError)
    }

    /// An event has come; `id` is `nil` where it is none of the stream's own, such as `busy`.
    public mutating func received(_ type: StreamEvent.Kind, id: EventID?) -> Verdict {
        guard let id else { return .show }
        // A resync stands for everything up to its id, and may lead back or to another run.
        if type != .resync {
            guard id.stream != position.stream || id.offset > position.offset else { return .skip }
            let expected = id.stream == position.stream ? position.offset + 1 : 1
            guard id.offset == expected else { return .refuse(.gap(expected: expected, found: id.offset)) }
        }
        position = id
        isFinished = type == .streamDone
        backoff.succeeded()
        return .show
    }

    /// The server asked its readers to wait this long before they come back.
    public mutating func asked(toWait delay: Duration) { backoff.base = delay }

    /// The server had nothing to say after our position (status 204): the stream has ended.
    public mutating func foundNothing() { isFinished = true }

    /// The connection ended, or there was none.
    public mutating func lost(_ error: ClientError, using random: inout some RandomNumberGenerator) -> Step {
        if isFinished { return .finish }
        guard error.isTransient, let delay = backoff.failed(floor: error.retryAfter ?? .zero, using: &random) else {
            return .fail(error)
        }
        return .connect(after: delay)
    }
}
