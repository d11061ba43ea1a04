internal import CSocketShim
import Glibc

/// Accepts TCP connections on a loop; loop-confined, and letting go of it stops the listening.
///
/// Several listeners, each on its own loop, may share a port: the kernel spreads the connections (`SO_REUSEPORT`).
public final class TCPListener: SocketObserver {
    /// Takes a connection that has just come: its descriptor, and the peer's address without its port.
    ///
    /// Answers whether it took it; then the descriptor is its own. Otherwise the listener closes it.
    public typealias OnAccept = (_ descriptor: Int32, _ address: String) -> Bool

    /// The port it listens on, the real one when 0 was asked for.
    public let port: Int
    private let descriptor: Int32
    private var watcher: SocketWatcher?
    private var pause: LoopTimer?
    private let onAccept: OnAccept

    /// Connections waiting to be accepted; the kernel lowers it to `net.core.somaxconn`.
    private static let backlog: Int32 = 4096
    /// Accepted in one turn, so that a flood of newcomers cannot keep the loop from its streams.
    private static let acceptedPerTurn = 64
    /// Without a free descriptor newcomers wait in the kernel's queue this long; asking again at once would spin.
    private static let pauseWhenFull = Duration.milliseconds(50)

    /// Listens at once, on the loop's thread only; a name is looked up there, which blocks.
    ///
    /// - Parameters:
    ///   - host: an IPv4 or IPv6 address, or a name that resolves to one.
    ///   - port: 0 picks a free one.
    ///   - loop: where it accepts.
    ///   - onAccept: called on the loop's thread.
    /// - Throws: ``SocketError`` when the name does not resolve or the address cannot be had.
    public init(
        host: String, port: Int, on loop: EventLoop, onAccept: @escaping OnAccept
    ) throws(SocketError) {
        loop.preconditionOnLoop()
        self.onAccept = onAccept
        (descriptor, self.port) = try Self.open(host: host, port: port)
        let watcher = SocketWatcher(descriptor, on: loop, observer: self)
        watcher.watch(.readable)
        self.watcher = watcher
        pause = LoopTimer(on: loop) { [weak watcher] in watcher?.watch(.readable) }
    }

    deinit { close() }

    /// Stops listening; newcomers are refused from here on.
    public func close() {
        guard let watcher else { return }
        watcher.end()
        self.watcher = nil
        pause = nil
        Glibc.close(descriptor)
    }

    /// For the watcher: accepts those who wait.
    public func socket(isReady events: SocketWatcher.Events) {
        for _ in 0..<Self.acceptedPerTurn {
            guard watcher != nil else { return }
            var address = sockaddr_storage()
            let accepted = medstream_accept(descriptor, &address, UInt32(MemoryLayout<sockaddr_storage>.size))
            if accepted < 0 {
                if errno == EINTR || errno == ECONNABORTED { continue }
                if errno != EAGAIN {
                    watcher?.watch([])
                    pause?.start(after: Self.pauseWhenFull)
                }
                return
            }
            if !onAccept(accepted, Self.text(of: &address)) { Glibc.close(accepted) }
        }
    }

    /// Refuses a port that another process listens on, which `SO_REUSEPORT` alone would let us share by mistake.
    public static func requireFree(host: String, port: Int) throws(SocketError) {
        let (descriptor, _) = try open(host: host, port: port, sharing: false)
        Glibc.close(descriptor)
    }

    private static func open(host: String, port: Int, sharing: Bool = true) throws(SocketError) -> (Int32, Int) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        let failure = getaddrinfo(host, String(port), &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard failure == 0, let address = found?.pointee else {
            throw SocketError("cannot resolve '\(host)': \(String(cString: gai_strerror(failure)))")
        }
        let descriptor = Glibc.socket(
            address.ai_family, address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError("cannot make a socket: \(SocketError.reason)") }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        if sharing { setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, 4) }
        guard bind(descriptor, address.ai_addr, address.ai_addrlen) == 0, listen(descriptor, backlog) == 0 else {
            let reason = SocketError.reason
            Glibc.close(descriptor)
            throw SocketError("cannot listen on \(host):\(port): \(reason)")
        }
        return (descriptor, portOf(descriptor))
    }

    private static func portOf(_ descriptor: Int32) -> Int {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutableBytes(of: &address) { bytes in
            guard let base = bytes.baseAddress else { return }
            _ = getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &length)
        }
        // The port stands at the same place, in network order, for IPv4 and IPv6.
        return withUnsafeBytes(of: address) { Int($0[2]) << 8 | Int($0[3]) }
    }

    private static func text(of address: inout sockaddr_storage) -> String {
        let family = Int32(address.ss_family)
        return withUnsafeBytes(of: &address) { bytes in
            guard let base = bytes.baseAddress else { return "" }
            let isIPv6 = family == AF_INET6
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            inet_ntop(family, base + (isIPv6 ? 8 : 4), &text, socklen_t(text.count))
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}

/// Why a socket could not be opened, in words for the operator.
public struct SocketError: Error, Sendable, CustomStringConvertible {
    /// Such as `cannot listen on 127.0.0.1:80: Permission denied`.
    public let description: String

    init(_ description: String) { self.description = description }

    static var reason: String { String(cString: strerror(errno)) }
}
