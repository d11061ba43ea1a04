import Core
import Testing

@Suite("Usage and cost")
struct UsageTests {
    static let known = Usage(input: 10, output: 5, total: 15, reasoning: 2, cachedInput: 4, cacheWrite: 1)

    @Test(
        "Spans add up; what one does not know the sum does not know",
        arguments: [
            ([known, known], Usage(input: 20, output: 10, total: 30, reasoning: 4, cachedInput: 8, cacheWrite: 2)),
            ([known, Usage(input: 1, output: 2)], Usage(input: 11, output: 7)),
            ([Usage(input: 1, isEstimated: true), known], Usage(input: 11, isEstimated: true)),
            ([known], known), ([known, nil], nil), ([nil], nil), ([], nil),
            ([Usage(input: .max), Usage(input: 1)], Usage(input: .max)),
            ([known, Usage()], Usage()),
        ] as [([Usage?], Usage?)])
    func sums(spans: [Usage?], sum: Usage?) { #expect(Usage.sum(of: spans) == sum) }

    @Test("The order of spans does not matter", arguments: 1...UInt64(100))
    func order(seed: UInt64) {
        var random = SeededRandom(seed)
        func count() -> Int? { Bool.random(using: &random) ? Int.random(in: 0...1_000_000, using: &random) : nil }
        let spans = (0..<4).map { _ in
            Usage(
                input: count(), output: count(), total: count(), reasoning: count(), cachedInput: count(),
                cacheWrite: count(), isEstimated: Bool.random(using: &random))
        }
        #expect(Usage.sum(of: spans) == Usage.sum(of: spans.shuffled(using: &random)))
        #expect(Usage(json: spans[0].json) == spans[0])
    }

    @Test("An estimate counts four bytes to a token, begun ones too, and says that it is one")
    func estimate() {
        let usage = Usage(estimatedFromInput: 9, output: 8)
        #expect(usage == Usage(input: 3, output: 2, total: 5, isEstimated: true))
        #expect(usage.json == ["input": 3, "output": 2, "total": 5, "estimated": true])
        #expect(Usage(estimatedFromInput: .max, output: 0).input == .max / 4 + 1)
    }

    @Test("In JSON what is unknown is absent")
    func json() {
        #expect(Usage(input: 3, cacheWrite: 0).json == ["input": 3, "cache_write": 0])
        #expect(Usage().json == [:])
        #expect(Usage(json: ["input": "3", "output": 2.5]) == Usage())
        #expect(Usage(json: 5) == nil)
    }

    @Test(
        "Costs add up in one currency",
        arguments: [
            ([Cost(micros: 1, currency: "EUR"), Cost(micros: 2, currency: "EUR")], Cost(micros: 3, currency: "EUR")),
            (
                [Cost(micros: 1, currency: "EUR"), Cost(micros: 2, currency: "EUR", isEstimated: true)],
                Cost(micros: 3, currency: "EUR", isEstimated: true)
            ),
            ([Cost(micros: 1, currency: "EUR"), Cost(micros: 2, currency: "USD")], nil),
            ([Cost(micros: 1, currency: "EUR"), nil], nil), ([], nil),
            ([Cost(micros: .max, currency: "EUR"), Cost(micros: 1, currency: "EUR")], nil),
        ] as [([Cost?], Cost?)])
    func costs(spans: [Cost?], sum: Cost?) { #expect(Cost.sum(of: spans) == sum) }

    @Test("A cost stands in the last event and is read from it")
    func costJSON() {
        let cost = Cost(micros: 1_250, currency: "EUR", isEstimated: true)
        #expect(cost.json == ["micros": 1_250, "currency": "EUR", "estimated": true])
        let done = StreamEvent.done(.complete, usage: Self.known, cost: cost)
        #expect(done.cost == cost && done.usage == Self.known)
        #expect(StreamEvent.done(.complete).cost == nil)
        #expect(Cost(json: ["micros": 1.5, "currency": "EUR"]) == nil && Cost(json: ["micros": 1]) == nil)
    }
}
