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

    @Test("A body means what its manifest says", arguments: bodies)
    func meaning(body: WireBody) throws {
        #expect(BodyCuts(of: body, by: try compatible()).differences.isEmpty)
    }

    @Test("One byte at a time it means the same", arguments: bodies)
    func singleBytes(body: WireBody) throws {
        #expect(BodyCuts(of: body, by: try compatible()).isSameByteByByte)
    }

    @Test("In random pieces it means the same", arguments: bodies)
    func randomPieces(body: WireBody) throws {
        let cuts = BodyCuts(of: body, by: try compatible())
        for seed in 1...UInt64(20) { #expect(cuts.isSameInPieces(seed: seed), "seed \(seed)") }
    }

    @Test("Cut at any byte it means the same", arguments: bodies)
    func everyCut(body: WireBody) throws {
        #expect(BodyCuts(of: body, by: try compatible()).firstBadCut() == nil)
    }
}
