import Core
import Foundation
import TestSupport
import Testing

@Suite("A reader that stops reading", .timeLimit(.minutes(1)))
struct SlowReaderTests {
    /// The answer: so many pieces of so many bytes, the next one when the last has been seen.
    private static let pieces = 16
    private static let piece = (0..<3_277).map { "word\($0 % 10)       ".prefix(10) }.joined()

    /// Bytes of memory that a process holds.
    private static func memory(of process: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = try #require(status.firstMatch(of: /VmRSS:\s+([0-9]+) kB/))
        return try #require(Int(line.1)) * 1024
    }

    @Test("costs the server a bounded amount of memory, and the other viewers nothing; it may go on later")
    func bounded() async throws {
        let turnstile = Semaphore()
        let pieces: [Upstream.Act] = (0..<Self.pieces).flatMap { _ in [.take(turnstile), .say(Self.piece)] }
        let upstream = try Upstream { _ in pieces + [.take(turnstile), .finish] }
        let server = try Executable(
            config: shippedSettings,
            set: upstream.settings + [
                "server.timeouts.write=1h", "streaming.log.bytes=1MiB", "streaming.log.events=20000",
                // What waits for the disk is bounded for a whole loop, and no matter of readers.
                "streaming.durability=off",
            ])
        let port = try await server.ready()
        let (client, quick) = try (Client(port: port), Client(port: port))
        let slow = try Client(port: port, receiveBuffer: 4096)
        let turn = try await client.ask("Without end.")
        try await slow.open(turn.path)
        try await quick.open(turn.path)
        var (viewing, received, peak, before) = (Viewing(), 0, 0, 0)
        for number in 1...Self.pieces {
            turnstile.give()
            while (viewing.texts[.chat]?.utf8.count ?? 0) < number * Self.piece.utf8.count {
                let chunk = try #require(try await quick.raw.chunk())
                received += chunk.count
                viewing.read(chunk)
            }
            let memory = try Self.memory(of: server.run.id)
            // What is allocated once, and the log up to its bound, is there after some pieces.
            if number == 4 { before = memory }
            peak = max(peak, memory)
        }
        let metrics = try await client.call("GET", "/metrics").text
        let held = try #require(metrics.firstMatch(of: /medstream_stream_bytes ([0-9]+)/).flatMap { Int($0.1) })
        turnstile.give()
        try await quick.watch(&viewing)
        #expect(viewing.faults == [])
        #expect(!viewing.story.contains(.resync))
        #expect(viewing.outcome == .complete)
        #expect(received > 5 << 20)
        // The log's bound, a segment that is open, and the text, which is kept whole.
        #expect(held < 1 << 20 + 2 * 65_536 + Self.pieces * Self.piece.utf8.count * 2)
        #expect(peak - before < received / 2, "\(before) bytes grew to \(peak) while \(received) were sent")

        var late = Viewing()
        try await slow.watch(&late)
        #expect(late.texts[.chat] == viewing.texts[.chat])
        #expect(late.story.contains(.resync))
        #expect(late.outcome == .complete)
        #expect(late.faults == [])
        #expect(await server.stop().code == 0)
    }
}
