import Core
import Reactor
import Streaming
import TestSupport
import Testing

/// Whatever happens to the connections: nobody misses anything, and nobody sees anything twice.
@Suite("Viewers", .timeLimit(.minutes(1)))
struct ViewerPropertyTests {
    @Test(
        "Viewers that come late, are cut off in the middle of an event and come back elsewhere all see the same whole text",
        arguments: UInt64(1)...120)
    func gapless(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let script = Script(&random)
        let hub = StreamHub(script.settings)
        let loops = Run.loops.shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random))
        let home = loops[loops.startIndex].loop
        let log = try await hub.start(StreamID(), owner: someone, on: home) { await script.perform(into: $0) }
        let viewers = (1...Int.random(in: 1...6, using: &random)).map { _ in SplitMix(seed: random.next()) }
        let transcripts = try await withThrowingTaskGroup(of: Viewing.self) { group in
            for viewer in viewers {
                group.addTask { try await Self.watch(log, on: Array(loops), viewer) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let last = await log.lastOffset
        for transcript in transcripts {
            #expect(transcript.faults == [], "seed \(seed)")
            #expect(transcript.offsets == Array(1...last).map(Optional.some), "seed \(seed)")
            #expect(transcript.texts == script.texts, "seed \(seed)")
            #expect(transcript.outcome == .complete, "seed \(seed)")
        }
    }

    private struct CutOff: Error {}

    /// Watches to the end, through as many connections as it takes.
    private static func watch(
        _ log: StreamLog, on loops: [LoopActor], _ seed: SplitMix
    ) async throws -> Viewing {
        var random = seed
        var transcript = Viewing()
        for _ in 0..<Int.random(in: 0...40, using: &random) { await Task.yield() }
        var cuts = Int.random(in: 0...8, using: &random)
        while transcript.outcome == nil, transcript.faults.isEmpty {
            let batches = cuts > 0 ? Int.random(in: 0...6, using: &random) : .max
            let share = Double.random(in: 0...1, using: &random)
            cuts -= 1
            transcript.reconnect()
            let actor = loops.randomElement(using: &random) ?? loops[0]
            transcript = try await actor.run { [transcript] _ in
                var transcript = transcript
                var left = batches
                do {
                    try await log.watch(after: transcript.last) { batch in
                        guard left > 0 else {
                            transcript.read(Array(batch.bytes.prefix(Int(Double(batch.bytes.count) * share))))
                            throw CutOff()
                        }
                        left -= 1
                        transcript.read(batch.bytes)
                    }
                } catch is CutOff {}
                return transcript
            }
        }
        return transcript
    }

    @Test(
        "Viewers of a log that keeps little, cut off again and again, still end with the whole text",
        arguments: UInt64(1)...20)
    func trimming(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        var script = Script(&random)
        script.settings.maxBytesPerStream = 1
        script.settings.maxEventsPerStream = 1
        script.padding = 2
        let hub = StreamHub(script.settings)
        let log = try await hub.start(StreamID(), owner: someone, on: Run.loops[0].loop) { [script] in
            await script.perform(into: $0)
        }
        let viewers = (1...4).map { _ in SplitMix(seed: random.next()) }
        let transcripts = try await withThrowingTaskGroup(of: Viewing.self) { group in
            for viewer in viewers { group.addTask { try await Self.watch(log, on: Run.loops, viewer) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for transcript in transcripts {
            #expect(transcript.faults == [], "seed \(seed)")
            #expect(transcript.texts == script.texts, "seed \(seed)")
            #expect(transcript.outcome == .complete, "seed \(seed)")
        }
    }
}

/// What a random run writes: pieces of text for both panels, cut anywhere, at an uneven pace.
private struct Script: Sendable {
    var settings = StreamingSettings()
    /// Events of 8 KiB after each piece, to make a log trim.
    var padding = 0
    private var pieces: [(panel: Panel, text: String)] = []
    private var pauses: [Int] = []

    private static let words = [
        "chest ", "pain", ", ", "500 mg ", "120/80 mmHg", ".\n\n", "électrocardiogramme ", "🩺", "👩🏽‍⚕️ ", "a", " ",
        "\"q6h\" ",
        "Wolff–Parkinson–White ", "\\", "SpO2 94%", "ø\u{301}", "- ", "\t", "very-long-word-that-has-no-end",
    ]

    init(_ random: inout SplitMix) {
        settings.maxChunkWait = .milliseconds(Int.random(in: 1...20, using: &random))
        settings.minChunkCharacters = Int.random(in: 1...8, using: &random)
        settings.maxChunkCharacters = Int.random(in: 8...30, using: &random)
        var panel = Panel.reasoning
        for _ in 0..<Int.random(in: 0...150, using: &random) {
            if Int.random(in: 0..<30, using: &random) == 0 { panel = .chat }
            let count = Int.random(in: 1...5, using: &random)
            pieces.append((panel, (0..<count).map { _ in Self.words.randomElement(using: &random) ?? "" }.joined()))
            pauses.append(Int.random(in: 0..<4, using: &random))
        }
    }

    var texts: [Panel: String] {
        pieces.reduce(into: [:]) { $0[$1.panel, default: ""] += $1.text }
    }

    func perform(into log: isolated StreamLog) async {
        for (piece, pause) in zip(pieces, pauses) {
            log.write(piece.text, to: piece.panel, of: .chat)
            log.appendLarge(padding)
            for _ in 0..<pause { await Task.yield() }
        }
        for panel in texts.keys.sorted(by: { $0.rawValue < $1.rawValue }) { log.complete(panel, of: .chat) }
        log.finish(.done(.complete))
    }
}
