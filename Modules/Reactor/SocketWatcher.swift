internal import CUV

/// Tells when a socket can be read or written; loop-confined, and letting go of it ends the watch, not the socket.
///
/// End the watch before closing the socket: a number that the kernel gives out again must not be watched twice.
public final class SocketWatcher {
    /// `nil` after the end, when libuv frees it.
    private var handle: UnsafeMutablePointer<uv_poll_t>?
    /// Unowned, not weak: the first weak reference to an object makes every later retain of it several times as dear.
    private unowned let observer: any SocketObserver
    private var interest: Events = []

    /// What a socket can be ready for.
    public struct Events: OptionSet, Sendable {
        /// One bit for each.
        public let rawValue: Int32
        /// For `OptionSet`.
        public init(rawValue: Int32) { self.rawValue = rawValue }
        /// There are bytes to read, or the peer has closed its side.
        public static let readable = Events(rawValue: 1)
        /// The kernel takes bytes again.
        public static let writable = Events(rawValue: 2)
        /// The peer has gone or the socket has failed.
        public static let failed = Events(rawValue: 4)
    }

    /// Watches for nothing yet; on the loop's thread only.
    ///
    /// `socket` is non-blocking, and open until the watcher has gone; `observer` owns the watcher, or outlives it.
    public init(_ socket: Int32, on loop: EventLoop, observer: any SocketObserver) {
        loop.preconditionOnLoop()
        self.observer = observer
        let handle = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
        // A number that is watched already has been closed under its watcher: whose bytes would these be?
        let failure = uv_poll_init_socket(loop.uv, handle, socket)
        precondition(failure == 0, "socket \(socket) cannot be watched: \(String(cString: uv_strerror(failure)))")
        handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        self.handle = handle
    }

    deinit { end() }

    /// Replaces what is watched for; an empty set watches for nothing.
    public func watch(_ events: Events) {
        guard let handle, events != interest else { return }
        interest = events
        if events.isEmpty {
            uv_poll_stop(handle)
            return
        }
        let mask =
            (events.contains(.readable) ? Int32(UV_READABLE.rawValue) : 0)
            | (events.contains(.writable) ? Int32(UV_WRITABLE.rawValue) : 0)
            | (events.contains(.failed) ? Int32(UV_DISCONNECT.rawValue) : 0)
        uv_poll_start(handle, mask) { handle, status, events in
            guard let data = handle?.pointee.data else { return }
            let watcher = Unmanaged<SocketWatcher>.fromOpaque(data).takeUnretainedValue()
            var happened: Events = status < 0 ? .failed : []
            if events & Int32(UV_READABLE.rawValue) != 0 { happened.insert(.readable) }
            if events & Int32(UV_WRITABLE.rawValue) != 0 { happened.insert(.writable) }
            if events & Int32(UV_DISCONNECT.rawValue) != 0 { happened.insert(.failed) }
            watcher.observer.socket(isReady: happened)
        }
    }

    /// Ends the watch now, so that the socket can be closed; further calls do nothing.
    public func end() {
        guard let handle else { return }
        self.handle = nil
        handle.pointee.data = nil
        uv_poll_stop(handle)
        UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self).close()
    }
}

/// Someone who is told what a socket is ready for.
public protocol SocketObserver: AnyObject {
    /// Called on the loop's thread.
    func socket(isReady events: SocketWatcher.Events)
}
