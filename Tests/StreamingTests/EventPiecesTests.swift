import Core
import JSON
import Streaming
import TestSupport
import Testing

@Suite("Events taken apart", .timeLimit(.minutes(1)))
struct EventPiecesTests {
    /// One piece: text of a panel, or another event's JSON.
    private enum Piece: Equatable {
        case text(Panel, String)
        case other(String)
    }

    private static func pieces(_ bytes: [UInt8]) -> [Piece] {
        var pieces: [Piece] = []
        StreamLog.takeApart(bytes.span) { panel, text in
            pieces.append(.text(panel, String(decoding: text.indices.map { text[$0] }, as: UTF8.self)))
        } other: { json in
            pieces.append(.other(String(decoding: json.indices.map { json[$0] }, as: UTF8.self)))
        }
        return pieces
    }

    @Test("give the text of each chunk as JSON, and the other events whole", arguments: 0..<100 as Range<UInt64>)
    func pieces(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let awkward = [
            "a", "\"", "\\", "\n", "\u{1}", "😀", "é", "},\"metadata\":{\"chunk_index\":7}}", "data: ", " ", "12",
        ]
        let run = try await Run()
        var texts: [Panel: String] = [:]
        for _ in 0..<Int.random(in: 1...20, using: &random) {
            let panel = Panel.allCases.randomElement(using: &random) ?? .chat
            let stage = Stage.allCases.randomElement(using: &random) ?? .chat
            let text = (0..<Int.random(in: 1...8, using: &random))
                .map { _ in awkward.randomElement(using: &random) ?? "" }.joined()
            texts[panel, default: ""] += text
            await run.log.write(text, to: panel, of: stage)
            if Bool.random(using: &random) { await run.log.append(.progress(50, text)) }
        }
        await run.finish()
        guard let batch = await run.log.next(after: 0) else {
            Issue.record("an empty log")
            return
        }
        var found: [Panel: String] = [:]
        var others = 0
        for piece in Self.pieces(batch.bytes) {
            switch piece {
            case .text(let panel, let text):
                found[panel, default: ""] += try #require(JSONValue(parsing: "\"\(text)\"").string)
            case .other(let json):
                others += 1
                let event = try StreamEvent(json: JSONValue(parsing: json))
                #expect(event.type != .contentChunk)
            }
        }
        #expect(found == texts, "seed \(seed)")
        var viewing = Viewing()
        viewing.read(batch.bytes)
        #expect(others == viewing.story.count)
    }

    @Test("leave a chunk that the log has not cut itself to a reader of JSON")
    func foreign() throws {
        let event = StreamEvent.chunk("plain", panel: .chat, stage: .chat)
        let id = try #require(EventID("0123456789-1"))
        let json = String(decoding: event.jsonBytes, as: UTF8.self)
        #expect(Self.pieces(StreamLog.encoded(event, id)) == [.other(json)])
    }
}
