import Glibc
import Reactor
import TestSupport
import Testing

@Suite("TCP", .timeLimit(.minutes(1)))
struct SocketTests {
    @Test(
        "A listener takes connections and says where they come from", arguments: ["127.0.0.1", "localhost", "0.0.0.0"])
    func accept(host: String) async throws {
        let peer = try await onLoop { actor in
            let accepted = Accepted()
            let listener = try accepted.listen(host: host, on: actor.loop)
            let client = try RawClient(port: listener.port, from: "127.0.0.7")
            await accepted.count.reaches(1)
            await client.close()
            return accepted.addresses
        }
        #expect(peer == ["127.0.0.7"])
    }

    @Test("A listener works over IPv6")
    func ipv6() async throws {
        try await onLoop { actor in
            let listener = try TCPListener(host: "::1", port: 0, on: actor.loop) { _, _ in false }
            #expect(listener.port > 0)
        }
    }

    @Test("A connection that is not taken is closed")
    func refused() async throws {
        try await onLoop { actor in
            let listener = try TCPListener(host: "127.0.0.1", port: 0, on: actor.loop) { _, _ in false }
            let client = try RawClient(port: listener.port)
            #expect(try await client.rest() == [])
            listener.close()
        }
    }

    @Test("After closing, and after letting go, nobody listens", arguments: [false, true])
    func closed(isDropped: Bool) async throws {
        try await onLoop { actor in
            var listener: TCPListener? = try TCPListener(host: "127.0.0.1", port: 0, on: actor.loop) { _, _ in false }
            let port = listener?.port ?? 0
            listener?.close()
            if isDropped { listener = nil }
            #expect(throws: RawClientError.refused) { try RawClient(port: port) }
            listener?.close()
        }
    }

    @Test("A port that someone listens on is refused with the reason, though loops may share one")
    func portInUse() async throws {
        try await onLoop { actor in
            let first = try TCPListener(host: "127.0.0.1", port: 0, on: actor.loop) { _, _ in false }
            let shared = try TCPListener(host: "127.0.0.1", port: first.port, on: actor.loop) { _, _ in false }
            #expect(shared.port == first.port)
            let error = #expect(throws: SocketError.self) {
                try TCPListener.requireFree(host: "127.0.0.1", port: first.port)
            }
            #expect(error?.description == "cannot listen on 127.0.0.1:\(first.port): Address already in use")
            first.close()
            shared.close()
            // A process that another test starts just now holds copies of all sockets until it has begun its program.
            while (try? TCPListener.requireFree(host: "127.0.0.1", port: first.port)) == nil { await Task.yield() }
        }
    }

    @Test("A host that does not resolve is refused with its name")
    func unknownHost() async {
        await onLoop { actor in
            let error = #expect(throws: SocketError.self) {
                try TCPListener(host: "256.0.0.1", port: 0, on: actor.loop) { _, _ in false }
            }
            #expect(error?.description.hasPrefix("cannot resolve '256.0.0.1'") == true)
        }
    }

    @Test("What is sent is echoed, and the end of the peer is seen")
    func echo() async throws {
        try await onLoop { actor in
            let accepted = Accepted()
            let listener = try accepted.listen(on: actor.loop)
            let client = try RawClient(port: listener.port)
            let payload = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            async let reply = client.echo(payload)
            #expect(try await reply == payload)
            await client.close()
            await accepted.ended.reaches(1)
            #expect(accepted.echoes.allSatisfy { !$0.socket.isOpen })
        }
    }

    @Test("A closed socket neither sends nor receives")
    func closedSocket() async throws {
        try await onLoop { actor in
            let accepted = Accepted()
            let listener = try accepted.listen(on: actor.loop)
            let client = try RawClient(port: listener.port)
            await accepted.count.reaches(1)
            let socket = try #require(accepted.echoes.first?.socket)
            socket.close()
            socket.close()
            var buffer = ByteBuffer()
            buffer.append("x")
            #expect(socket.send(&buffer) == .failed)
            #expect(socket.receive { _ in Issue.record("nothing can have come") } == .ended)
            #expect(try await client.rest() == [])
        }
    }

    @Test("Without a free descriptor newcomers wait, the loop does not spin, and they are served when one is free")
    func fullTable() async {
        await #expect(processExitsWith: .success) {
            try await onLoop { actor in
                let accepted = Accepted()
                let listener = try accepted.listen(on: actor.loop)
                let client = try RawClient(port: listener.port)
                // The connection waits in the kernel's queue: this loop has not had a turn since.
                var taken: [Int32] = []
                var limit = rlimit(rlim_cur: 256, rlim_max: 256)
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                while case let descriptor = dup(0), descriptor >= 0 { taken.append(descriptor) }
                let before = actor.loop.statistics.turns
                try await actor.loop.sleep(for: .milliseconds(120))
                precondition(accepted.count.value == 0)
                precondition(actor.loop.statistics.turns - before < 50)
                for descriptor in taken { close(descriptor) }
                await accepted.count.reaches(1)
                withExtendedLifetime((client, listener)) {}
            }
            exit(0)
        }
    }
}

extension RawClient {
    /// Sends while it reads, until as much has come back.
    fileprivate func echo(_ bytes: [UInt8]) throws(RawClientError) -> [UInt8] {
        // The last bytes of a payload are told from those before by what follows it.
        try send(bytes + Array("<end>".utf8), untilReceived: "<end>", times: 1)
        return Array(try receive(upTo: "<end>"))
    }
}

/// What a listener accepted: sockets that send back what they receive; used on one loop alone.
private final class Accepted {
    let count = Tally()
    let ended = Tally()
    private(set) var addresses: [String] = []
    private(set) var echoes: [Echo] = []

    func listen(host: String = "127.0.0.1", on loop: EventLoop) throws(SocketError) -> TCPListener {
        try TCPListener(host: host, port: 0, on: loop) { [self] descriptor, address in
            addresses.append(address)
            echoes.append(Echo(descriptor, on: loop) { [ended] in ended.add() })
            count.add()
            return true
        }
    }
}

private final class Echo: SocketObserver {
    private(set) lazy var socket = TCPSocket(descriptor, on: loop, observer: self)
    private let descriptor: Int32
    private let loop: EventLoop
    private var buffer = ByteBuffer()
    private let onEnd: () -> Void

    init(_ descriptor: Int32, on loop: EventLoop, onEnd: @escaping () -> Void) {
        (self.descriptor, self.loop, self.onEnd) = (descriptor, loop, onEnd)
        socket.watch(.readable)
    }

    func socket(isReady events: SocketWatcher.Events) {
        if events.contains(.readable) {
            let received = socket.receive { buffer.append($0) }
            if received == .ended {
                socket.close()
                return onEnd()
            }
        }
        let sent = socket.send(&buffer)
        socket.watch(sent == .some ? [.readable, .writable] : .readable)
    }
}
