/// Takes a response as it comes: called from within the socket's events, without a task waking up.
///
/// For receivers that keep up, since nothing holds the upstream back. From within each call ``Delivery/cancel()`` may be
/// called. Interim 1xx responses are not told.
public protocol ResponseReceiver: AnyObject {
    /// The status and the headers, once, before any body.
    func receive(status: Int, headers: IncomingHeaders)

    /// One byte or more of the body, valid in the call only.
    func receive(body: Span<UInt8>)
}

/// A request under way whose response goes to a ``ResponseReceiver``.
///
/// Letting go of it and cancelling the task that waits for its end close the connection it comes over (with HTTP/2: its
/// stream). Loop-confined.
public final class Delivery {
    private let transfer: Transfer

    init(_ transfer: Transfer) { self.transfer = transfer }

    // The last owner may let go on another thread.
    deinit { transfer.cancelFromAnywhere() }

    /// Waits until nothing more will be handed over; by one task at a time.
    public func ended() async {
        while !transfer.hasEnded { await transfer.wait() }
    }

    /// Why the response did not arrive whole and in time, once it has ended so; `cancelled` when the task was.
    public var failure: HTTPClientError? { transfer.failure }

    /// Closes the connection now; nothing more is handed over.
    public func cancel() { transfer.cancel() }
}
