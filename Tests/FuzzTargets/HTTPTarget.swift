import Dispatch
import Glibc
import HTTPServer
import Reactor
import Synchronization

/// Whatever is sent, the server answers with HTTP or not at all, lets go of the connection, and goes on serving.
///
/// The bytes go to a real server in this process through a real socket. The first byte says in how many pieces the
/// others are sent.
final class HTTPTarget: Sendable {
    static let shared = HTTPTarget()

    /// What a server may say to a client that sends nonsense; a mistake of its own (500) is none of these.
    private static let statuses: Set<String> = [
        "100", "200", "204", "400", "404", "405", "408", "411", "413", "414", "415", "417", "431", "501", "505",
    ]

    private let loop = EventLoop()
    private let server = Mutex<HTTPServer?>(nil)
    private let runs = Atomic<Int>(0)

    private init() {
        let started = DispatchSemaphore(value: 0)
        loop.start()
        // On the loop, and not on the shared threads, all of which may be waiting here.
        Task(executorPreference: loop) {
            let server = try? await HTTPServer(Self.settings, on: [self.loop]) { try await Self.router.handle($0) }
            self.server.withLock { $0 = server }
            started.signal()
        }
        started.wait()
    }

    func run(_ input: [UInt8]) throws(Breach) {
        let pieces = Int(input.first ?? 0) % 4 + 1
        let answer = try exchange(Array(input.dropFirst()), pieces: pieces, endsSending: true)
        if !answer.isEmpty { try check(answer) }
        if runs.add(1, ordering: .relaxed).oldValue % 64 == 0 { try checkServes() }
    }

    private static var settings: HTTPServerSettings {
        var settings = HTTPServerSettings()
        (settings.port, settings.maxBodyBytes, settings.maxHeaderBytes, settings.maxURLBytes) = (0, 512, 1_024, 256)
        return settings
    }

    private static let router = Router([
        Route("GET", "/") { _ in .text("hello") },
        Route("POST", "/echo") { Response(headers: ["X-Length": "\($0.body.count)"], body: .bytes($0.body)) },
        Route("GET", "/items/{id}") { try .text("\($0.parameter("id", as: Int.self)) \($0.query["q"] ?? "")") },
        Route("GET", "/stream") { _ in
            Response(body: .stream { writer in try await writer.write(Array("data: 1\n\n".utf8)) })
        },
    ])

    private func check(_ answer: [UInt8]) throws(Breach) {
        let start = String(decoding: answer.prefix(13), as: UTF8.self)
        // The connection may be let go while the answer is on its way.
        guard "HTTP/1.1 ".hasPrefix(start.prefix(9)) else { throw Breach("the answer is no HTTP: \(start)") }
        guard start.count >= 12 else { return }
        guard Self.statuses.contains(String(start.dropFirst(9).prefix(3))) else {
            throw Breach("an odd answer: \(start)")
        }
    }

    private func checkServes() throws(Breach) {
        let request = Array("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
        let answer = String(decoding: try exchange(request, pieces: 1, endsSending: false), as: UTF8.self)
        guard answer.hasPrefix("HTTP/1.1 200"), answer.hasSuffix("hello") else {
            throw Breach("the server no longer serves: \(answer)")
        }
    }

    /// Sends, and reads until the server lets go.
    private func exchange(_ bytes: [UInt8], pieces: Int, endsSending: Bool) throws(Breach) -> [UInt8] {
        let descriptor = try connected()
        defer { close(descriptor) }
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + (bytes.count + pieces - 1) / pieces)
            let sent = unsafe bytes[start..<end].withUnsafeBytes { piece in
                uninterrupted { unsafe send(descriptor, piece.baseAddress, piece.count, Int32(MSG_NOSIGNAL)) }
            }
            // The server may refuse before it has seen all.
            guard sent == end - start else { break }
            start = end
        }
        if endsSending { shutdown(descriptor, Int32(SHUT_WR)) }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = uninterrupted { unsafe recv(descriptor, &buffer, buffer.count, 0) }
            if count > 0 {
                answer += buffer[..<count]
            } else if count < 0, errno == EAGAIN {
                throw Breach("the server holds on to the connection")
            } else {
                return answer
            }
        }
    }

    /// Calls again when a signal came between: the fuzzer's clock is one.
    private func uninterrupted<Count: SignedInteger>(_ call: () -> Count) -> Count {
        while true {
            let count = call()
            if count >= 0 || errno != EINTR { return count }
        }
    }

    private func connected() throws(Breach) -> Int32 {
        guard let port = server.withLock({ $0?.port }) else { throw Breach("the server did not start") }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var (patience, one) = (timeval(tv_sec: 10, tv_usec: 0), Int32(1))
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                let (address, size) = unsafe ($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                return uninterrupted { unsafe connect(descriptor, address, size) }
            }
        }
        // After an interruption the connection may be there when it is asked for again.
        guard status == 0 || errno == EISCONN else {
            close(descriptor)
            throw Breach("no connection: error \(errno)")
        }
        return descriptor
    }
}
