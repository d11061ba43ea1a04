internal import Foundation
internal import Glibc

/// A blocking TCP socket of the loopback interface.
struct Socket: Sendable, Hashable {
    private let number: Int32

    /// Listens on a free port.
    static func listening() throws -> Socket {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failure = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(number, $0, size) }
        }
        guard failure == 0, Glibc.listen(number, 1024) == 0 else {
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EADDRNOTAVAIL)
        }
        return Socket(number: number)
    }

    var port: Int {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = unsafe withUnsafeMutablePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(number, $0, &size) }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    func accept() -> Socket? {
        let accepted = Glibc.accept(number, nil, nil)
        return accepted < 0 ? nil : Socket(number: accepted)
    }

    /// - Returns: nil when the peer has closed or reset.
    func receive() -> [UInt8]? {
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
            unsafe count = max(0, recv(number, buffer.baseAddress, buffer.count, 0))
        }
        return bytes.isEmpty ? nil : bytes
    }

    /// Sends everything, however long the peer takes, and tells each time it takes nothing for a quarter of a second.
    ///
    /// - Returns: false when the peer has gone.
    func send(_ bytes: [UInt8], onStall: () -> Void = {}) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(
                    number, $0.baseAddress?.advanced(by: sent), bytes.count - sent,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count >= 0 {
                sent += count
                continue
            }
            guard errno == EAGAIN else { return false }
            while !waitUntilWritable(milliseconds: 250) { onStall() }
        }
        return true
    }

    private func waitUntilWritable(milliseconds: Int32) -> Bool {
        var wish = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&wish, 1, milliseconds) > 0
    }

    /// Has ``close()`` send RST in place of FIN.
    func resetOnClose() {
        var choice = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(number, SOL_SOCKET, SO_LINGER, &choice, socklen_t(MemoryLayout<linger>.size))
    }

    /// Wakes whoever waits on the socket.
    func shutDown() { _ = shutdown(number, Int32(SHUT_RDWR)) }

    func close() { _ = Glibc.close(number) }
}
