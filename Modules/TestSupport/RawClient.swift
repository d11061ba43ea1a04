internal import Glibc

/// A TCP client that sends exactly the bytes it is told to, and shows what came back.
///
/// Its calls block a thread of its own. No part of it is shared with the code under test.
public actor RawClient {
    private let executor = BlockingExecutor()
    private let socket: Int32
    private var received: [UInt8] = []
    private var isOpen = true

    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// How long a call waits for the peer before it gives up: longer than anything a test waits for.
    private static let patience: Int32 = 20_000

    /// Connects to a port of 127.0.0.1.
    ///
    /// `source` is the address to come from, any of 127.0.0.0/8. A small `receiveBuffer`, in bytes, lets the peer feel
    /// soon that nobody reads.
    ///
    /// - Throws: ``RawClientError/refused`` when nobody listens.
    public init(port: Int, from source: String? = nil, receiveBuffer: Int? = nil) throws(RawClientError) {
        OpenFiles.raiseLimit()
        socket = try Self.connected(to: port, from: source, receiveBuffer: receiveBuffer)
    }

    deinit { if isOpen { Glibc.close(socket) } }

    private static func connected(to port: Int, from source: String?, receiveBuffer: Int?) throws(RawClientError)
        -> Int32
    {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        // What is sent in two pieces goes out in two pieces, and at once.
        var one: Int32 = 1
        unsafe setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        if let receiveBuffer {
            var size = Int32(receiveBuffer)
            unsafe setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, 4)
        }
        let isBound = source.map { source in unsafe call(bind, socket, address(source, 0)) } ?? true
        guard isBound, unsafe call(connect, socket, address("127.0.0.1", port)) else {
            Glibc.close(socket)
            throw .refused
        }
        return socket
    }

    private static func address(_ host: String, _ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = unsafe inet_addr(host)
        return address
    }

    private static func call(
        _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, _ socket: Int32, _ address: sockaddr_in
    ) -> Bool {
        var address = address
        return unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe function(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    // MARK: Sending

    /// Sends all of it; false when the peer has gone.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(socket, $0.baseAddress?.advanced(by: sent), $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Sends all of it; false when the peer has gone.
    @discardableResult
    public func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Sends while it reads, as a peer must that wants many answers, until the peer has sent `count` times `marker`.
    public func send(_ bytes: [UInt8], untilReceived marker: String, times count: Int) throws(RawClientError) {
        let marker = Array(marker.utf8)
        var sent = 0
        var found = 0
        var searched = received.startIndex
        while found < count {
            let ready = wait(for: POLLIN | (sent < bytes.count ? POLLOUT : 0))
            guard ready != 0 else { throw .silence }
            if ready & POLLOUT != 0 {
                let more = unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.send(
                        socket, $0.baseAddress?.advanced(by: sent), $0.count - sent,
                        Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                }
                sent += max(more, 0)
            }
            if ready & ~POLLOUT != 0 {
                guard try receiveMore() else { throw .ended(received) }
                while let range = received[searched...].firstRange(of: marker) {
                    found += 1
                    searched = range.upperBound
                }
            }
        }
    }

    // MARK: Receiving

    /// One response to a request of this method.
    ///
    /// - Throws: ``RawClientError/ended(_:)`` when the peer closes before the response is whole.
    public func response(to method: String = "GET") throws(RawClientError) -> RawResponse {
        let end = try find("\r\n\r\n")
        guard var response = RawResponse(head: received[..<end]) else { throw .malformed(take(received.count)) }
        received.removeSubrange(..<end)
        if method == "HEAD" || response.status == 204 || response.status == 304 || response.status < 200 {
            return response
        }
        if response["Transfer-Encoding"] == "chunked" {
            while let chunk = try chunk() { response.body += chunk }
        } else if let length = response["Content-Length"].flatMap({ Int($0) }) {
            while received.count < length { try receiveOrThrow() }
            response.body = take(length)
        } else {
            response.body = try rest()
        }
        return response
    }

    /// The next chunk of a chunked body; nil after the last.
    public func chunk() throws(RawClientError) -> [UInt8]? {
        let line = take(try find("\r\n")).dropLast(2)
        guard let size = Int(String(decoding: line, as: UTF8.self), radix: 16) else { throw .malformed(Array(line)) }
        while received.count < size + 2 { try receiveOrThrow() }
        let chunk = take(size)
        guard take(2) == [13, 10] else { throw .malformed(chunk) }
        return size == 0 ? nil : chunk
    }

    /// Everything up to and with `marker`.
    public func receive(until marker: String) throws(RawClientError) -> String {
        String(decoding: take(try find(marker)), as: UTF8.self)
    }

    /// Everything before `marker`, which is taken away, too.
    public func receive(upTo marker: String) throws(RawClientError) -> [UInt8] {
        Array(take(try find(marker)).dropLast(marker.utf8.count))
    }

    /// What has come, once something has.
    public func receiveSome() throws(RawClientError) -> [UInt8] {
        if received.isEmpty { try receiveOrThrow() }
        return take(received.count)
    }

    /// Everything until the peer closes or breaks off.
    public func rest() throws(RawClientError) -> [UInt8] {
        while try receiveMore() {}
        return take(received.count)
    }

    /// Whether bytes, or the end, have come within the time.
    public func hasNews(within milliseconds: Int32) -> Bool {
        !received.isEmpty || wait(for: POLLIN, milliseconds) != 0
    }

    private func find(_ marker: String) throws(RawClientError) -> Int {
        let marker = Array(marker.utf8)
        while true {
            if let range = received.firstRange(of: marker) { return range.upperBound }
            try receiveOrThrow()
        }
    }

    private func take(_ count: Int) -> [UInt8] {
        defer { received.removeSubrange(..<count) }
        return Array(received[..<count])
    }

    private func receiveOrThrow() throws(RawClientError) {
        guard try receiveMore() else { throw .ended(received) }
    }

    /// - Returns: false at the end.
    private func receiveMore() throws(RawClientError) -> Bool {
        guard wait(for: POLLIN) != 0 else { throw .silence }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            unsafe count = max(0, recv(socket, buffer.baseAddress, buffer.count, 0))
        }
        received += bytes
        return !bytes.isEmpty
    }

    /// - Returns: what the socket is ready for; 0 when the time is over.
    private func wait(for events: Int32, _ milliseconds: Int32 = patience) -> Int32 {
        var wish = pollfd(fd: socket, events: Int16(events), revents: 0)
        return unsafe poll(&wish, 1, milliseconds) > 0 ? Int32(wish.revents) : 0
    }

    // MARK: Ending

    /// Closes in order (FIN).
    public func close() {
        guard isOpen else { return }
        isOpen = false
        Glibc.close(socket)
    }

    /// Breaks the connection off (RST).
    public func reset() {
        var choice = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(socket, SOL_SOCKET, SO_LINGER, &choice, socklen_t(MemoryLayout<linger>.size))
        close()
    }
}

/// Why a raw client has nothing to show.
public enum RawClientError: Error, Equatable {
    case refused
    /// The peer has neither sent nor closed for 20 seconds.
    case silence
    /// The peer has closed; what it had sent.
    case ended([UInt8])
    case malformed([UInt8])
}

/// A response as it stood on the wire.
public struct RawResponse: Sendable {
    public var status: Int
    public var headers: [(name: String, value: String)]
    /// Without its transfer coding.
    public var body: [UInt8] = []

    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of the only header of that name, whatever its case; nil when there are none or several.
    public subscript(name: String) -> String? {
        let found = headers.filter { $0.name.lowercased() == name.lowercased() }
        return found.count == 1 ? found[0].value : nil
    }

    /// - Returns: nil when the bytes are no head of an HTTP/1.1 response.
    init?(head: ArraySlice<UInt8>) {
        var lines = head.split(separator: 13, omittingEmptySubsequences: false).map { line in
            String(decoding: line.drop { $0 == 10 }, as: UTF8.self)
        }
        let first = lines.removeFirst().split(separator: " ", maxSplits: 2)
        guard first.count == 3, first[0] == "HTTP/1.1", first[1].utf8.count == 3, let status = Int(first[1]) else {
            return nil
        }
        self.status = status
        headers = []
        for line in lines where !line.isEmpty {
            guard let colon = line.firstRange(of: ": ") else { return nil }
            headers.append((String(line[..<colon.lowerBound]), String(line[colon.upperBound...])))
        }
    }
}
