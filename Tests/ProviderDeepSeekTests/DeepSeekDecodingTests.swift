import Core
import Providers
import TestSupport
import Testing

/// What is done to every body: it must mean the same however it is cut, and say so when it is cut short.
@Suite("Decoding DeepSeek", .timeLimit(.minutes(10)))
struct DeepSeekDecodingTests {
    static let dialects: Set = ["deepseek", "deepseek-batch", "openai-chat"]

    static let bodies: [WireBody] = {
        do {
            return try WireBody.all(in: Reference.fixture("deepseek")) + WireBody.recorded(dialects)
        } catch {
            Issue.record(error)
            return []
        }
    }()

    @Test("A body means what its manifest says", arguments: bodies)
    func meaning(body: WireBody) throws {
        #expect(body.differences(in: body.read(with: try deepSeek())) == [])
    }

    @Test("One byte at a time it means the same", arguments: bodies)
    func singleBytes(body: WireBody) throws {
        let dialect = try deepSeek()
        let (answer, whole) = (body.readByByte(with: dialect), body.read(with: dialect))
        #expect(answer.deltas == whole.deltas)
        #expect(answer.error?.code == whole.error?.code)
    }

    @Test("In random pieces it means the same", arguments: bodies)
    func randomPieces(body: WireBody) throws {
        let dialect = try deepSeek()
        let whole = body.read(with: dialect)
        for seed in 1...UInt64(20) {
            let answer = body.readInRandomPieces(with: dialect, seed: seed)
            #expect(answer.deltas == whole.deltas, "seed \(seed)")
            #expect(answer.error?.code == whole.error?.code, "seed \(seed)")
        }
    }

    @Test("Cut at any byte it means the same", arguments: bodies)
    func everyCut(body: WireBody) throws {
        #expect(body.misleadingCut(with: try deepSeek()) == nil)
    }

    @Test("Ended at any byte it does not pass for whole", arguments: bodies)
    func everyEnd(body: WireBody) throws {
        #expect(body.misleadingEnd(with: try deepSeek()) == nil)
    }
}
