internal import CUV

/// Tells when a socket can be read or written; loop-confined, and letting go of it ends the watch, not the socket.
///
/// End the watch before closing the socket: a number that the kernel gives out again must not be watched twice.
public final class SocketWatcher {
    /// What libuv is given: its handle, and behind it whom to tell.
    ///
    /// Together in memory, and not by way of this object: of thousands of sockets one that becomes ready is in no cache,
    /// and each further object on the way to its observer is another wait for memory.
    private struct Watch {
        var poll = uv_poll_t()
        unowned(unsafe) var observer: any SocketObserver
    }

    /// `nil` after the end, when libuv frees it.
    private var watch: UnsafeMutablePointer<Watch>?
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
        let watch = UnsafeMutablePointer<Watch>.allocate(capacity: 1)
        watch.initialize(to: Watch(observer: observer))
        // A number that is watched already has been closed under its watcher: whose bytes would these be?
        let failure = uv_poll_init_socket(loop.uv, Self.handle(of: watch), socket)
        precondition(failure == 0, "socket \(socket) cannot be watched: \(String(cString: uv_strerror(failure)))")
        self.watch = watch
    }

    deinit { end() }

    /// Replaces what is watched for; an empty set watches for nothing.
    public func watch(_ events: Events) {
        guard let watch, events != interest else { return }
        interest = events
        let handle = Self.handle(of: watch)
        if events.isEmpty {
            uv_poll_stop(handle)
            return
        }
        let mask =
            (events.contains(.readable) ? Int32(UV_READABLE.rawValue) : 0)
            | (events.contains(.writable) ? Int32(UV_WRITABLE.rawValue) : 0)
            | (events.contains(.failed) ? Int32(UV_DISCONNECT.rawValue) : 0)
        // Never called after `end()`, as libuv promises of a handle that is stopped.
        uv_poll_start(handle, mask) { handle, status, events in
            guard let handle else { return }
            var happened: Events = status < 0 ? .failed : []
            if events & Int32(UV_READABLE.rawValue) != 0 { happened.insert(.readable) }
            if events & Int32(UV_WRITABLE.rawValue) != 0 { happened.insert(.writable) }
            if events & Int32(UV_DISCONNECT.rawValue) != 0 { happened.insert(.failed) }
            let watch = UnsafeMutableRawPointer(handle).assumingMemoryBound(to: Watch.self)
            watch.pointee.observer.socket(isReady: happened)
        }
    }

    /// Ends the watch now, so that the socket can be closed; further calls do nothing.
    public func end() {
        guard let watch else { return }
        self.watch = nil
        uv_poll_stop(Self.handle(of: watch))
        UnsafeMutableRawPointer(watch).assumingMemoryBound(to: uv_handle_t.self).close()
    }

    /// The first field of a struct is where the struct is.
    private static func handle(of watch: UnsafeMutablePointer<Watch>) -> UnsafeMutablePointer<uv_poll_t> {
        UnsafeMutableRawPointer(watch).assumingMemoryBound(to: uv_poll_t.self)
    }
}

/// Someone who is told what a socket is ready for.
public protocol SocketObserver: AnyObject {
    /// Called on the loop's thread.
    func socket(isReady events: SocketWatcher.Events)
}
