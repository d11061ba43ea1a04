import Core
import Providers
import TestSupport
import Testing

/// Every body is read with the profile of the server that it comes from; the recordings with the one they fit.
@Suite("Decoding compatible servers", .timeLimit(.minutes(10)))
struct ServerDecodingTests {
    static let dialects: Set = ["openai-chat"]

    static let bodies: [WireBody] = {
        do {
            return try WireBody.all(in: Reference.fixture("openai-compatible")) + WireBody.recorded(dialects)
        } catch {
            Issue.record(error)
            return []
        }
    }()

    @Test("A body means what its manifest says", arguments: bodies)
    func meaning(body: WireBody) throws {
        #expect(body.differences(in: body.read(with: try compatible(profile(of: body)))) == [])
    }

    @Test("One byte at a time it means the same", arguments: bodies)
    func singleBytes(body: WireBody) throws {
        let dialect = try compatible(profile(of: body))
        let (answer, whole) = (body.readByByte(with: dialect), body.read(with: dialect))
        #expect(answer.deltas == whole.deltas)
        #expect(answer.error?.code == whole.error?.code)
    }

    @Test("In random pieces it means the same", arguments: bodies)
    func randomPieces(body: WireBody) throws {
        let dialect = try compatible(profile(of: body))
        let whole = body.read(with: dialect)
        for seed in 1...UInt64(20) {
            let answer = body.readInRandomPieces(with: dialect, seed: seed)
            #expect(answer.deltas == whole.deltas, "seed \(seed)")
            #expect(answer.error?.code == whole.error?.code, "seed \(seed)")
        }
    }

    @Test("Cut at any byte it means the same", arguments: bodies)
    func everyCut(body: WireBody) throws {
        #expect(body.misleadingCut(with: try compatible(profile(of: body))) == nil)
    }

    @Test("Ended at any byte it does not pass for whole", arguments: bodies)
    func everyEnd(body: WireBody) throws {
        #expect(body.misleadingEnd(with: try compatible(profile(of: body))) == nil)
    }
}
