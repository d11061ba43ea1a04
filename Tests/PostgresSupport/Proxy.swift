internal import Glibc
internal import Synchronization

/// A TCP proxy before a server that can lose what passes through it.
public final class Proxy: Sendable {
    /// What becomes of the bytes.
    public enum Mode: Sendable, Hashable {
        case pass
        /// Connections are accepted and nothing is passed on, either way.
        case swallow
        /// One in so many of the server's answers is lost, with its connection; what was asked has been done by then.
        case cutAnswers(oneIn: Int)
    }

    private let listener: Int32
    private let target: Int
    private let mode: Mutex<Mode>
    public let port: Int

    /// Listens at once, on a free port of 127.0.0.1.
    public init(to target: Int, _ mode: Mode = .pass) {
        self.target = target
        self.mode = Mutex(mode)
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        listener = number
        var address = Self.address(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(number, $0, size)
                _ = listen(number, 256)
                _ = getsockname(number, $0, &size)
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        Self.thread { [weak self] in
            while case let client = accept(number, nil, nil), client >= 0 { self?.serve(client) }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    public func set(_ mode: Mode) { self.mode.withLock { $0 = mode } }

    private func serve(_ client: Int32) {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.address(target)
        let failure = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard failure == 0 else {
            close(client)
            close(server)
            return
        }
        let open = Mutex(2)
        let ended = Ended(open: open, client: client, server: server)
        for (from, to, isAnswer) in [(client, server, false), (server, client, true)] {
            Self.thread { [self] in
                pump(from, to, isAnswer: isAnswer)
                ended.one()
            }
        }
    }

    private func pump(_ from: Int32, _ to: Int32, isAnswer: Bool) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(from, &buffer, buffer.count, 0), count > 0 {
            switch mode.withLock({ $0 }) {
            case .swallow: continue
            case .cutAnswers(let rate) where isAnswer && Int.random(in: 0..<rate) == 0: return
            case .pass, .cutAnswers:
                var sent = 0
                while sent < count {
                    let step = buffer[sent..<count].withUnsafeBytes {
                        send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                    guard step > 0 else { return }
                    sent += step
                }
            }
        }
    }

    /// Closes both sockets when neither direction needs them any more.
    private final class Ended: Sendable {
        private let open: Mutex<Int>
        private let client: Int32
        private let server: Int32

        init(open: consuming Mutex<Int>, client: Int32, server: Int32) {
            self.open = open
            self.client = client
            self.server = server
        }

        func one() {
            for socket in [client, server] { shutdown(socket, Int32(SHUT_RDWR)) }
            guard
                open.withLock({
                    $0 -= 1; return $0
                }) == 0
            else { return }
            for socket in [client, server] { close(socket) }
        }
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        address.sin_port = UInt16(port).bigEndian
        return address
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) {
        let body = Unmanaged.passRetained(Body(run: body))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        if failure == 0 { pthread_detach(thread) } else { body.release() }
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
