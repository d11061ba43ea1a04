internal import Reactor

/// A response whose body is still coming in.
///
/// Letting go of it, cancelling the task that reads it, and ``cancel()`` all close the connection it comes over (with
/// HTTP/2: its stream). Loop-confined, and read by one task at a time.
public final class IncomingResponse {
    private let transfer: Transfer

    /// Such as 200; never an interim 1xx.
    public let status: Int
    public var headers: IncomingHeaders { transfer.head.headers }

    init(_ transfer: Transfer) {
        self.transfer = transfer
        status = transfer.head.status
    }

    // The last owner may let go on another thread.
    deinit { transfer.cancelFromAnywhere() }

    /// Waits for bytes of the body and hands over all that have come since the last call.
    ///
    /// The upstream is held back while more than 64 KiB wait to be read. Bytes that came before a failure are handed
    /// over before it is thrown.
    ///
    /// - Parameter body: called at most once, with one byte or more that are valid in the call only.
    /// - Returns: whether there were bytes; false at the end of the body.
    /// - Throws: ``HTTPClientError`` when the body does not arrive whole, in time; `cancelled` when the task is.
    public func read(_ body: (Span<UInt8>) -> Void) async throws(HTTPClientError) -> Bool {
        while !transfer.hasUnread, !transfer.hasEnded { await transfer.wait() }
        if Task.isCancelled { transfer.cancel() }
        if transfer.hand(over: body) { return true }
        if let failure = transfer.failure { throw failure }
        return false
    }

    /// Closes the connection now and forgets what was not read; ``read(_:)`` throws from here on.
    ///
    /// Does nothing when the whole body has been received and read.
    public func cancel() { transfer.cancel() }

    /// Bytes received and not read, for tests.
    package var unreadBytes: Int { transfer.unreadBytes }
}
