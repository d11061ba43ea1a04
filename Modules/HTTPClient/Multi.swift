internal import CCurlShim
internal import Reactor

/// One multi handle of libcurl's, driven by the loop's sockets and timers.
///
/// Loop-confined. libcurl looks through all connections to a host when a transfer starts or ends, so that a handle is given a bounded
/// number of transfers.
final class Multi {
    /// Measured: starting one stream takes longer than its first tokens from about this number on.
    static let maxTransfers = 200
    /// Idle connections kept for reuse.
    private static let maxIdleConnections = 64

    private let handle: UnsafeMutableRawPointer
    fileprivate let loop: EventLoop
    fileprivate private(set) var timer: LoopTimer?
    private(set) var transfers = 0
    private var isInside = false
    private var removals: [() -> Void] = []

    init(on loop: EventLoop) {
        guard let handle = curl_multi_init() else { fatalError("out of memory") }
        self.handle = handle
        self.loop = loop
        let me = Unmanaged.passUnretained(self).toOpaque()
        medstream_curl_multi_set_socket(handle, onSocket, me)
        medstream_curl_multi_set_timer(handle, onTimer, me)
        medstream_curl_multi_set_long(handle, CURLMOPT_MAXCONNECTS, Self.maxIdleConnections)
        timer = LoopTimer(on: loop) { [unowned self] in act(on: CURL_SOCKET_BAD, 0) }
    }

    deinit { curl_multi_cleanup(handle) }

    var hasRoom: Bool { transfers < Self.maxTransfers }

    /// Starts a transfer, which is kept alive until ``remove(_:then:)``.
    ///
    /// - Returns: libcurl's code when it cannot be started.
    func add(_ easy: Easy, of transfer: Transfer) -> Int? {
        transfers += 1
        easy.owner = transfer
        let code = curl_multi_add_handle(handle, easy.handle)
        return code == CURLM_OK ? nil : Int(code.rawValue)
    }

    /// Ends a transfer wherever it stands; its connection is closed unless the response was complete.
    ///
    /// `done` is called when libcurl has let go of the handle: at once, or after its callback has returned.
    func remove(_ easy: Easy, then done: @escaping () -> Void) {
        guard !isInside else {
            removals.append { [self] in remove(easy, then: done) }
            return
        }
        curl_multi_remove_handle(handle, easy.handle)
        transfers -= 1
        easy.owner = nil
        done()
    }

    fileprivate func act(on socket: curl_socket_t, _ events: Int32) {
        var running: Int32 = 0
        inside { curl_multi_socket_action(handle, socket, events, &running) }
        var left: Int32 = 0
        while let message = curl_multi_info_read(handle, &left)?.pointee {
            guard message.msg == CURLMSG_DONE, let easy = message.easy_handle else { continue }
            Easy.transfer(of: easy)?.ended(message.data.result)
        }
    }

    /// Lets a paused transfer go on, which may call back at once.
    func unpause(_ easy: Easy) { inside { easy.unpause() } }

    /// Calls libcurl, whose callbacks may end transfers: those are removed when it has returned.
    private func inside(_ body: () -> Void) {
        isInside = true
        body()
        isInside = false
        let late = removals
        guard !late.isEmpty else { return }
        removals = []
        for removal in late { removal() }
    }

    fileprivate func watch(_ number: curl_socket_t, _ what: Int32, _ known: UnsafeMutableRawPointer?) {
        let watched = known.map { Unmanaged<WatchedSocket>.fromOpaque($0) }
        if what == CURL_POLL_REMOVE {
            watched?.takeUnretainedValue().end()
            watched?.release()
            return
        }
        let socket: WatchedSocket
        if let watched {
            socket = watched.takeUnretainedValue()
        } else {
            socket = WatchedSocket(number, of: self)
            curl_multi_assign(handle, number, Unmanaged.passRetained(socket).toOpaque())
        }
        socket.watch(what)
    }
}

/// A socket of libcurl's on the loop; libcurl's own table keeps it, from its first event to its removal.
private final class WatchedSocket: SocketObserver {
    private let number: curl_socket_t
    private unowned let multi: Multi
    private var watcher: SocketWatcher?

    init(_ number: curl_socket_t, of multi: Multi) {
        self.number = number
        self.multi = multi
        watcher = SocketWatcher(number, on: multi.loop, observer: self)
    }

    func watch(_ what: Int32) {
        var events: SocketWatcher.Events = []
        if what & CURL_POLL_IN != 0 { events.insert(.readable) }
        if what & CURL_POLL_OUT != 0 { events.insert(.writable) }
        watcher?.watch(events)
    }

    func end() { watcher?.end() }

    func socket(isReady events: SocketWatcher.Events) {
        var mask: Int32 = 0
        if events.contains(.readable) { mask |= CURL_CSELECT_IN }
        if events.contains(.writable) { mask |= CURL_CSELECT_OUT }
        if events.contains(.failed) { mask |= CURL_CSELECT_ERR }
        multi.act(on: number, mask)
    }
}

private let onSocket: curl_socket_callback = { _, socket, what, context, known in
    guard let context else { return 0 }
    Unmanaged<Multi>.fromOpaque(context).takeUnretainedValue().watch(socket, what, known)
    return 0
}

private let onTimer: curl_multi_timer_callback = { _, milliseconds, context in
    guard let context else { return 0 }
    let timer = Unmanaged<Multi>.fromOpaque(context).takeUnretainedValue().timer
    if milliseconds < 0 { timer?.stop() } else { timer?.start(after: .milliseconds(milliseconds)) }
    return 0
}
