import Glibc

/// One TCP connection on a loop; loop-confined, and closed when let go of.
public final class TCPSocket {
    private let descriptor: Int32
    private let loop: EventLoop
    private let watcher: SocketWatcher
    private var interest: SocketWatcher.Events = []
    /// Whether it has not been closed on our side.
    public private(set) var isOpen = true

    /// Takes over a connection that is there already.
    ///
    /// - Parameters:
    ///   - descriptor: a connected, non-blocking socket; owned from here on.
    ///   - loop: where it is used.
    ///   - observer: told when the socket is ready for what ``watch(_:)`` asked; owns the socket, or outlives it.
    public init(_ descriptor: Int32, on loop: EventLoop, observer: any SocketObserver) {
        self.descriptor = descriptor
        self.loop = loop
        watcher = SocketWatcher(descriptor, on: loop, observer: observer)
    }

    deinit { close() }

    /// Replaces what the observer is told of; an empty set is nothing.
    public func watch(_ events: SocketWatcher.Events) {
        if isOpen { watcher.watch(events) }
    }

    /// Closes now; what the kernel holds for the peer still goes out, unless bytes of the peer are unread.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        watcher.end()
        Glibc.close(descriptor)
    }

    /// Tells the peer that nothing more will be written; reading goes on.
    public func shutDownWriting() {
        if isOpen { shutdown(descriptor, Int32(SHUT_WR)) }
    }

    /// What a read brought.
    public enum Received: Sendable {
        /// Something, which was handed over.
        case bytes
        /// Nothing; watch for `readable`.
        case nothingYet
        /// The peer has closed, or the connection has failed.
        case ended
    }

    /// Reads once, at most 64 KiB.
    ///
    /// `body` is called with what came, when something came; the span is valid in the call alone.
    public func receive(_ body: (Span<UInt8>) -> Void) -> Received {
        guard isOpen else { return .ended }
        let scratch = loop.local(Scratch.self) { Scratch() }
        while true {
            let count = recv(descriptor, scratch.bytes.baseAddress, scratch.bytes.count, 0)
            if count > 0 {
                body(Span(_unsafeBytes: UnsafeRawBufferPointer(rebasing: scratch.bytes[..<count])))
                return .bytes
            }
            if count == 0 { return .ended }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .nothingYet : .ended
        }
    }

    /// What became of a write.
    public enum Sent: Sendable {
        /// The buffer is empty.
        case all
        /// The kernel takes no more now; watch for `writable`.
        case some
        /// The peer has gone.
        case failed
    }

    /// Writes as much of the buffer as the kernel takes, and consumes that.
    public func send(_ buffer: inout ByteBuffer) -> Sent {
        guard isOpen else { return .failed }
        while !buffer.isEmpty {
            let count = buffer.withSpan { span in
                span.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            }
            if count >= 0 {
                buffer.consume(count)
                continue
            }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .some : .failed
        }
        return .all
    }
}

/// The memory that every socket of a loop reads into, one at a time.
private final class Scratch {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    deinit { bytes.deallocate() }
}
