public import Reactor

/// The client has closed the connection.
public struct ClientGone: Error, Sendable {}

/// Writes the body of a streamed answer.
///
/// Loop-confined: used by the closure it was given to, by one task at a time.
public struct BodyWriter {
    private let exchange: Exchange

    init(_ exchange: Exchange) { self.exchange = exchange }

    /// Writes a piece, which leaves at the end of the loop's turn together with all else written in it.
    ///
    /// Suspends while more than `maxOutputBytes` wait for a slow client; so no more than that and one piece wait.
    /// - Throws: ``ClientGone`` when the connection has ended; the task is cancelled then, too.
    public func write(_ bytes: [UInt8]) async throws(ClientGone) {
        guard exchange.isOpen else { throw ClientGone() }
        exchange.write(bytes.span)
        if exchange.isFull { try await exchange.room() }
    }

    /// Writes a piece at once, whether or not there is room: for a ``BodySource`` that has been asked.
    public func append(_ bytes: Span<UInt8>) { exchange.write(bytes) }

    /// Says that the ``BodySource`` has more: it is asked at the end of this turn, or when the client has room.
    public func sourceHasNews() { exchange.sourceHasNews() }

    /// The loop of the connection.
    public var loop: EventLoop { exchange.loop }

    /// Sends `bytes` whenever nothing else was written for `period` and nothing waits to be taken: a sign of life.
    public func heartbeat(_ bytes: [UInt8], every period: Duration) { exchange.beat(bytes, every: period) }
}

/// A body that is fetched piece by piece.
///
/// Loop-confined. It has a ``BodyWriter`` to write to, and says there when it has news.
public protocol BodySource: AnyObject {
    /// Writes the next piece, if there is one: called when it has said that there is, and while the client has room.
    func write() -> BodyProgress

    /// The end: after ``BodyProgress/end``, or because the client has gone. Called once.
    func close()
}

/// How far a ``BodySource`` is.
public enum BodyProgress: Sendable {
    /// It has written something and may have more.
    case more
    /// It has written all there is, if anything, and will say when there is more.
    case nothingYet
    /// All has been written.
    case end
}
