import Core
import Foundation
import JSON
import Synchronization
import Telemetry
import TestSupport
import Testing

@Suite("The log", .timeLimit(.minutes(1)))
struct LogTests {
    /// Keeps what a log writes.
    private final class Sink: Sendable {
        private let written = Mutex<[UInt8]>([])

        func take(_ bytes: [UInt8]) { written.withLock { $0 += bytes } }

        var text: String { String(decoding: written.withLock { $0 }, as: UTF8.self) }

        var lines: [JSONValue] {
            get throws { try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) } }
        }
    }

    private struct Cause: Error, CustomDebugStringConvertible { var debugDescription: String }

    private let sink = Sink()

    private func log(_ level: Log.Level = .debug) -> Log {
        Log(level: level, now: { Timestamp(milliseconds: 1_773_065_100_250) }, sink: sink.take)
    }

    @Test("A line is one JSON object with what was said, in order")
    func line() throws {
        let log = log()
        let stream = try #require(StreamID("7f3k9q2m4x"))
        log.warning(
            "turn_failed",
            [
                .id("stream", stream), .count("chunks", -3), .duration("took", .microseconds(1_234_567)),
                .flag("retry", true), .code("code", .timedOut), .text("route", "/streams/{id}"),
            ], detail: Cause(debugDescription: "no \"route\""))
        #expect(log.flush())
        #expect(
            sink.text == #"{"time":"2026-03-09T14:05:00.250Z","level":"warning","event":"turn_failed","#
                + #""stream":"7f3k9q2m4x","chunks":-3,"took_ms":1234.567,"retry":true,"code":"timed_out","#
                + #""route":"/streams/{id}","detail":"no \"route\""}"# + "\n")
    }

    @Test("Lines below the level are left out, also when it changes", arguments: Log.Level.allCases)
    func levels(level: Log.Level) throws {
        let log = log(.error)
        log.level = level
        #expect(log.level == level)
        log.debug("debug")
        log.info("info")
        log.warning("warning")
        log.error("error")
        log.flush()
        let expected = Log.Level.allCases.filter { $0 >= level }.map(\.rawValue)
        #expect(try sink.lines.map { $0["event"]?.string } == expected)
        #expect(try sink.lines.map { $0["level"]?.string } == expected)
    }

    @Test(
        "Text that could move a terminal's cursor is spelled out",
        arguments: [
            ("a\nb\u{1B}[2Jc", "a\nb\u{1B}[2Jc"), ("\u{9B}2J", "\\u{9B}2J"), ("\u{7F}", "\\u{7F}"),
            ("\u{FEFF}", "\\u{FEFF}"),
            ("\u{202E}evil", "\\u{202E}evil"), ("a\u{2028}b", "a\\u{2028}b"), ("naïve 🫀", "naïve 🫀"), ("", ""),
        ])
    func escaping(text: String, read: String) throws {
        let log = log()
        log.error("failed", [.text("name", text)], detail: Cause(debugDescription: text))
        log.flush()
        #expect(!sink.text.dropLast().unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
        #expect(try sink.lines[0]["name"]?.string == read)
        #expect(try sink.lines[0]["detail"]?.string == read)
    }

    @Test("Text is cut, between characters", arguments: ["x", "é", "🫀", "\u{9B}", "\u{301}"])
    func cut(character: String) throws {
        let log = log()
        let text = String(repeating: character, count: 100_000)
        log.error("failed", [.text("name", text)], detail: Cause(debugDescription: text))
        log.flush()
        for (field, bytes) in [("name", 200), ("detail", 500)] {
            let read = try #require(try sink.lines[0][field]?.string)
            #expect(read.utf8.count <= bytes + "…".utf8.count)
            #expect(read.utf8.count > bytes - 6)
            #expect(read.hasSuffix("…"))
            #expect(!read.contains("\u{FFFD}"))
        }
    }

    @Test("Lines written at once are all there, whole, each writer's in order")
    func concurrency() async throws {
        let log = log()
        await withTaskGroup { group in
            for writer in 0..<8 {
                group.addTask {
                    for number in 0..<250 { log.info("line", [.count("writer", writer), .count("number", number)]) }
                }
            }
        }
        #expect(log.flush())
        let lines = try sink.lines
        #expect(lines.count == 2000)
        for writer in 0..<8 {
            #expect(lines.filter { $0["writer"] == .int(Int64(writer)) }.map { $0["number"]?.int } == Array(0..<250))
        }
    }

    @Test("A reader that stands still holds nobody up; what is dropped is counted where it lacks")
    func bounds() async throws {
        let sink = sink
        let (isTaken, gate) = (Tally(), Gate())
        let log = Log(
            level: .debug, now: { .now },
            sink: { bytes in
                isTaken.add()
                gate.pass()
                sink.take(bytes)
            })
        log.info("first")
        await isTaken.reaches(1)
        let text = String(repeating: "x", count: 150)
        for number in 0..<10_000 { log.info("line", [.count("number", number), .text("text", text)]) }
        // Short enough for the little room that is left: it must not overtake those that were dropped.
        log.info("short")
        #expect(!log.flush(within: .milliseconds(1)))
        gate.open()
        #expect(log.flush(within: .seconds(30)))
        log.info("last")
        #expect(log.flush())

        let lines = try sink.lines
        let kept = lines.count - 3
        #expect(kept > 1000 && kept < 10_000)
        #expect(sink.text.utf8.count < (1 << 20) + 1000)
        #expect(lines[1...kept].map { $0["number"]?.int } == Array(0..<kept))
        #expect(lines[kept + 1]["event"] == "log_lines_dropped")
        #expect(lines[kept + 1]["count"]?.int == 10_001 - kept)
        #expect(lines[kept + 2]["event"] == "last")
    }

    @Test("Lines reach a descriptor, also one that does not take them at once")
    func descriptor() async throws {
        let pipe = Pipe()
        let output = pipe.fileHandleForWriting.fileDescriptor
        #expect(fcntl(output, F_SETFL, fcntl(output, F_GETFL) | O_NONBLOCK) == 0)
        let log = Log(level: .info, descriptor: output)
        // Ten times what a pipe holds.
        let text = String(repeating: "x", count: 150)
        for number in 0..<3000 { log.info("line", [.count("number", number), .text("text", text)]) }
        let reading = pipe.fileHandleForReading
        async let read = Task.detached { try reading.readToEnd() }.value
        #expect(log.flush(within: .seconds(30)))
        try pipe.fileHandleForWriting.close()
        let lines = try #require(try await read).split(separator: 0x0A)
        #expect(try lines.map { try JSONValue(parsing: Array($0))["number"]?.int } == Array(0..<3000))
    }
}
