internal import Foundation
internal import Synchronization

/// A peer over real TCP that answers each request with a script, so that tests can have it misbehave byte by byte.
///
/// It listens on a free port of 127.0.0.1 with one blocking thread per connection: no part of it is shared with the
/// code under test. A connection answers request after request until a script or the peer closes it, or the server's
/// last owner lets go.
///
///     let server = try ScriptedServer { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")] }
public final class ScriptedServer: Sendable {
    /// One thing a connection does.
    public enum Step: Sendable {
        case send(String)
        case sendBytes([UInt8])
        /// Sends the same bytes again and again until the peer closes, adding to ``ScriptedServer/bytesSent``; counts in
        /// ``ScriptedServer/stalls`` each time the peer takes nothing for a quarter of a second.
        case sendEndlessly([UInt8])
        /// Holds the connection until the test opens the gate.
        case wait(Gate)
        /// Holds the connection until the test lets it go on, once for each time.
        case take(Semaphore)
        /// Reads until the peer closes or resets.
        case awaitDisconnect
        /// Ends the connection in order (FIN).
        case close
        /// Breaks the connection off (RST).
        case reset
    }

    /// A request as it came in.
    public struct Request: Sendable {
        /// Such as `POST /v1/chat HTTP/1.1`.
        public var line: String
        /// Header lines as they came.
        public var headers: [String]
        /// As long as `Content-Length` says.
        public var body: [UInt8]
        /// Counted from 1 in the order of accepting.
        public var connection: Int

        /// The value of the first header of that name, whatever its case.
        public func header(_ name: String) -> String? {
            let start = name.lowercased() + ":"
            return headers.first { $0.lowercased().hasPrefix(start) }
                .map { $0.dropFirst(start.count).trimmingCharacters(in: .whitespaces) }
        }
    }

    private let listener: Socket
    private let open = OpenSockets()
    public let port: Int

    /// Connections accepted so far.
    public let connections = Tally()
    /// Whole requests read so far.
    public let requests = Tally()
    /// Connections that the peer closed or reset so far.
    public let disconnects = Tally()
    /// Connections that have ended for any reason so far.
    public let closures = Tally()
    /// Times at which a peer took nothing more of an endless answer.
    public let stalls = Tally()
    /// Bytes of endless answers that the peers' and this machine's buffers took.
    public let bytesSent = Tally()

    /// Such as `http://127.0.0.1:40123`.
    public var url: String { "http://127.0.0.1:\(port)" }

    /// Listens at once.
    ///
    /// `script` tells what to do after each request, on a thread of the connection's.
    /// `greeting` is sent before any request has come.
    ///
    /// - Throws: what the system says when it has no port to give.
    public init(greeting: String = "", _ script: @escaping @Sendable (Request) -> [Step]) throws {
        OpenFiles.raiseLimit()
        listener = try Socket.listening()
        port = listener.port
        let worker = Worker(
            listener: listener, greeting: greeting, script: script, connections: connections, requests: requests,
            disconnects: disconnects, closures: closures,
            stalls: stalls, bytesSent: bytesSent, open: open)
        Thread.detachNewThread { worker.accept() }
    }

    deinit {
        listener.shutDown()
        open.shutDown()
    }
}

/// The connections of a server, which end with it.
private final class OpenSockets: Sendable {
    private let sockets = Mutex<Set<Socket>>([])

    func add(_ socket: Socket) { _ = sockets.withLock { $0.insert(socket) } }

    /// Under the lock, so that no number is shut down that has been given out again.
    func close(_ socket: Socket) {
        sockets.withLock { sockets in
            sockets.remove(socket)
            socket.close()
        }
    }

    func shutDown() { sockets.withLock { for socket in $0 { socket.shutDown() } } }
}

/// What the threads of a server share; outlives the server while connections are open.
private struct Worker: Sendable {
    let listener: Socket
    let greeting: String
    let script: @Sendable (ScriptedServer.Request) -> [ScriptedServer.Step]
    let connections: Tally
    let requests: Tally
    let disconnects: Tally
    let closures: Tally
    let stalls: Tally
    let bytesSent: Tally
    let open: OpenSockets

    func accept() {
        var number = 0
        while let socket = listener.accept() {
            number += 1
            let connection = number
            open.add(socket)
            connections.add()
            Thread.detachNewThread { serve(socket, connection) }
        }
        listener.close()
    }

    private func serve(_ socket: Socket, _ number: Int) {
        var received: [UInt8] = []
        defer {
            open.close(socket)
            closures.add()
        }
        guard sent(socket.send(Array(greeting.utf8))) else { return }
        while let request = read(from: socket, &received, connection: number) {
            requests.add()
            for step in script(request) {
                guard perform(step, on: socket) else { return }
            }
        }
        disconnects.add()
    }

    /// - Returns: false when the connection is over.
    private func perform(_ step: ScriptedServer.Step, on socket: Socket) -> Bool {
        switch step {
        case .send(let text): return sent(socket.send(Array(text.utf8)))
        case .sendBytes(let bytes): return sent(socket.send(bytes))
        case .sendEndlessly(let bytes):
            while socket.send(bytes, onStall: { stalls.add() }) { bytesSent.add(bytes.count) }
            return sent(false)
        case .wait(let gate):
            gate.pass()
            return true
        case .take(let semaphore):
            semaphore.take()
            return true
        case .awaitDisconnect:
            while socket.receive() != nil {}
            return sent(false)
        case .close: return false
        case .reset:
            socket.resetOnClose()
            return false
        }
    }

    private func sent(_ isSent: Bool) -> Bool {
        if !isSent { disconnects.add() }
        return isSent
    }

    private func read(
        from socket: Socket, _ received: inout [UInt8], connection: Int
    ) -> ScriptedServer.Request? {
        let blank = Array("\r\n\r\n".utf8)
        var end = received.firstRange(of: blank)
        while end == nil {
            guard let more = socket.receive() else { return nil }
            received += more
            end = received.firstRange(of: blank)
        }
        guard let end else { return nil }
        var lines = String(decoding: received[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        received.removeSubrange(..<end.upperBound)
        let first = lines.removeFirst()
        var request = ScriptedServer.Request(line: first, headers: lines, body: [], connection: connection)
        let length = request.header("Content-Length").flatMap { Int($0) } ?? 0
        while received.count < length {
            guard let more = socket.receive() else { return nil }
            received += more
        }
        request.body = Array(received[..<length])
        received.removeSubrange(..<length)
        return request
    }
}
