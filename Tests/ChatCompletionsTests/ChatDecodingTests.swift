import Core
import Foundation
import Providers
import TestSupport
import Testing

/// What is done to every body: it must mean the same however it is cut.
///
/// The recordings are those of `../shared/reference/wire`; our own bodies ship with the tests.
@Suite("Decoding chat completions", .timeLimit(.minutes(10)))
struct ChatDecodingTests {
    static let dialects: Set = ["openai-chat", "azure-chat", "deepseek", "deepseek-batch"]

    static let bodies: [WireBody] = {
        do {
            return try WireBody.all(in: Reference.fixture("chat-completions")) + WireBody.recorded(dialects)
        } catch {
            Issue.record(error)
            return []
        }
    }()

    static func whole(_ body: WireBody) throws -> DecodedAnswer {
        DecodedAnswer(try compatible(), head(body), [body.bytes[...]])
    }

    static func head(_ body: WireBody) -> ResponseHead {
        let type = body.contentType.isEmpty ? [] : [(name: "Content-Type", value: body.contentType)]
        return ResponseHead(status: body.status, headers: type)
    }

    @Test("A body means what its manifest says", arguments: bodies)
    func meaning(body: WireBody) throws {
        let answer = try Self.whole(body)
        #expect(answer.text == body.text)
        #expect(answer.reasoning == body.reasoning)
        #expect(answer.usage == body.usage)
        #expect(answer.finishes == (body.finish.map { [$0] } ?? []))
        switch body.outcome {
        case "truncated": #expect(answer.error?.code == .providerTruncated)
        case "error": #expect(answer.error != nil && answer.error?.code != .providerTruncated)
        default:
            #expect(answer.error == nil)
            #expect(answer.finishes.count == 1)
        }
        if let model = body.model { #expect(answer.deltas.first == .start(model: model)) }
        #expect(!answer.deltas.contains { $0 == .content("") || $0 == .reasoning("") })
    }

    @Test("One byte at a time it means the same", arguments: bodies)
    func singleBytes(body: WireBody) throws {
        let pieces = body.bytes.indices.map { body.bytes[$0...$0] }
        let answer = DecodedAnswer(try compatible(), Self.head(body), pieces)
        let whole = try Self.whole(body)
        #expect(answer.deltas == whole.deltas)
        #expect(answer.error?.code == whole.error?.code)
    }

    @Test("In random pieces it means the same", arguments: bodies)
    func randomPieces(body: WireBody) throws {
        let whole = try Self.whole(body)
        for seed in 1...UInt64(20) {
            var random = SplitMix(seed: seed)
            var pieces: [ArraySlice<UInt8>] = []
            var start = 0
            while start < body.bytes.count {
                let end = min(body.bytes.count, start + Int.random(in: 1...700, using: &random))
                pieces.append(body.bytes[start..<end])
                start = end
            }
            let answer = DecodedAnswer(try compatible(), Self.head(body), pieces)
            #expect(answer.deltas == whole.deltas, "seed \(seed)")
            #expect(answer.error?.code == whole.error?.code, "seed \(seed)")
        }
    }

    /// Of a long body only the events around the cut are read again each time: the reader is a value, so that reading
    /// goes on from a copy made one whole event before the cut, and stops one whole event behind it.
    @Test("Cut at any byte it means the same", arguments: bodies)
    func everyCut(body: WireBody) throws {
        let (bytes, bounds) = (body.bytes, Self.eventBounds(body.bytes))
        guard var before = try? AnswerReader(of: try compatible(), Self.head(body)) else { return }
        for event in bounds.indices.dropLast() {
            let start = bounds[max(0, event - 1)]
            let end = bounds[min(bounds.count - 1, event + 2)]
            let isEnd = end == bytes.count
            if event > 1 {
                let passed = bytes[bounds[event - 2]..<start]
                guard DecodedAnswer(&before, [passed], isEnd: false).error == nil else { return }
            }
            var reader = before
            let uncut = DecodedAnswer(&reader, [bytes[start..<end]], isEnd: isEnd)
            for cut in bounds[event]...bounds[event + 1] {
                var reader = before
                let answer = DecodedAnswer(&reader, [bytes[start..<cut], bytes[cut..<end]], isEnd: isEnd)
                guard answer.deltas == uncut.deltas, answer.error?.code == uncut.error?.code else {
                    Issue.record("cut at byte \(cut) of \(bytes.count)")
                    return
                }
            }
        }
    }

    /// Where events begin and end: behind two line ends in a row, and at both ends of the body.
    private static func eventBounds(_ bytes: [UInt8]) -> [Int] {
        var bounds = [0]
        for index in bytes.indices.dropFirst() where bytes[index] == 0x0A || bytes[index] == 0x0D {
            let isBlankLine = bytes[index] == bytes[index - 1] || (index > 1 && bytes[index] == bytes[index - 2])
            if isBlankLine { bounds.append(index + 1) }
        }
        return bounds.last == bytes.count ? bounds : bounds + [bytes.count]
    }
}
