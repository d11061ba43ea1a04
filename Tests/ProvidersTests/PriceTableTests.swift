import Configuration
import Core
import Providers
import TestSupport
import Testing

@Suite("Prices")
struct PriceTableTests {
    static func table(_ yaml: String) throws -> PriceTable {
        let configuration = try Configuration.parse("prices:\n\(yaml)".utf8, file: "m.yaml")
        let table = PriceTable(configuration.root.section("prices"), owners: ["main", "openai", "demo"])
        try configuration.finish()
        return table
    }

    static func answerer(_ models: String..., provider: String = "main") -> PriceTable.Answerer {
        PriceTable.Answerer(provider: provider, kind: "openai", models: models)
    }

    @Test("Tokens cost what the table says, in whole micro-units")
    func cost() throws {
        let table = try Self.table(
            "  openai/m: { input: 1.25, cached_input: 0.125, cache_write: 2.5, output: 10, currency: EUR }")
        let usage = Usage(input: 1000, output: 500, total: 1500, reasoning: 200, cachedInput: 400, cacheWrite: 100)
        // 500 × 1.25 + 400 × 0.125 + 100 × 2.5 + 500 × 10
        #expect(table.cost(of: usage, by: Self.answerer("m")) == Cost(micros: 5925, currency: "EUR"))
    }

    @Test(
        "A cost is rounded to the nearest, and unknown where tokens or price are",
        arguments: [
            (Usage(input: 1, output: 0), 1), (Usage(input: 2, output: 0), 1), (Usage(input: 0, output: 0), 0),
            (Usage(input: 3, output: 0), 2), (Usage(input: 1), nil), (Usage(output: 1), nil), (Usage(), nil),
            (Usage(input: 1_000_000, output: 0), 500_000), (Usage(input: .max, output: .max), nil),
            // More from the cache than there was at all, and counts below nothing, are no reason to pay money back.
            (Usage(input: 2, output: 0, cachedInput: 9), 1), (Usage(input: 2, output: 0, cachedInput: -9), 1),
            (Usage(input: 2, output: -100), 1), (Usage(input: -9, output: 0, total: .max), nil),
            (Usage(input: .min, output: .min, total: .max), nil),
            // Reasoning beside the output, which the total has.
            (Usage(input: 10, output: 1, total: 31, reasoning: 20), 5 + 42),
            // All of it was reasoning.
            (Usage(input: 10, total: 30, reasoning: 20), 5 + 40),
        ] as [(Usage, Int64?)])
    func rounding(usage: Usage, micros: Int64?) throws {
        let table = try Self.table("  openai/m: { input: 0.5, output: 2 }")
        #expect(table.cost(of: usage, by: Self.answerer("m")) == micros.map { Cost(micros: $0, currency: "USD") })
        #expect(table.cost(of: usage, by: Self.answerer("n")) == nil)
    }

    @Test("What estimated tokens cost is an estimate")
    func estimated() throws {
        let table = try Self.table("  openai/m: { input: 1, output: 1 }")
        let cost = table.cost(of: Usage(estimatedFromInput: 400, output: 40), by: Self.answerer("m"))
        #expect(cost == Cost(micros: 110, currency: "USD", isEstimated: true))
    }

    @Test("The cost of many answers is the sum of exact parts", arguments: 1...UInt64(100))
    func linear(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let price = PriceTable.Price(
            input: Int64.random(in: 0...90_000_000, using: &random),
            output: Int64.random(in: 0...90_000_000, using: &random))
        let table = PriceTable(["openai/*": price])
        let (input, output) = (Int.random(in: 0...500_000, using: &random), Int.random(in: 0...9000, using: &random))
        let cost = table.cost(of: Usage(input: input, output: output), by: Self.answerer("m"))?.micros
        let exact = (Double(input) * Double(price.input) + Double(output) * Double(price.output)) / 1e6
        #expect(abs(Double(cost ?? -1) - exact) <= 0.51)
    }

    @Test(
        "The nearest entry counts: the provider's before its kind's, then the pattern of the most letters",
        arguments: [
            (["kestrel-2"], 1), (["kestrel-2-mini"], 2), (["kestrel-2-mini-2026"], 3), (["kestrel-3-mini"], 4),
            (["heron"], 5), (["owner/heron"], 6), (["wren-1"], 7), (["unknown", "kestrel-2"], 1),
            (["unknown", "wren-1"], 7), (["unknown"], 5),
            ([""], 5),
        ] as [([String], Int64)])
    func nearest(models: [String], price: Int64) throws {
        let table = try Self.table(
            """
              main/kestrel-2: { input: 1, output: 0 }
              openai/kestrel-2: { input: 99, output: 0 }
              openai/kestrel-2*: { input: 99, output: 0 }
              openai/kestrel-2-m*i: { input: 2, output: 0 }
              openai/kestrel-2-m*i*: { input: 3, output: 0 }
              openai/kestrel*mini: { input: 4, output: 0 }
              openai/*: { input: 5, output: 0 }
              openai/owner/heron: { input: 6, output: 0 }
              main/wren-?: { input: 99, output: 0 }
              openai/wren-1: { input: 7, output: 0 }
            """)
        let answerer = PriceTable.Answerer(provider: "main", kind: "openai", models: models)
        #expect(table.price(of: answerer)?.input == price * 1_000_000)
    }

    @Test(
        "A wrong table is reported at its place",
        arguments: [
            ("  gpt-5: { input: 1, output: 1 }", "prices.gpt-5"),
            ("  openai/: { input: 1, output: 1 }", "prices.openai/"),
            ("  opnai/m: { input: 1, output: 1 }", "prices.opnai/m"),
            ("  openai/m: { input: 1 }", "prices.openai/m.output"),
            ("  openai/m: { output: 1 }", "prices.openai/m.input"),
            ("  openai/m: { input: -1, output: 1 }", "prices.openai/m.input"),
            ("  openai/m: { input: 0.0000001, output: 1 }", "prices.openai/m.input"),
            ("  openai/m: { input: 1, output: 1, currency: euro }", "prices.openai/m.currency"),
            ("  openai/m: { input: 1, output: 1, outptu: 1 }", "prices.openai/m.outptu"),
        ])
    func wrong(line: String, path: String) {
        let report = #expect(throws: ConfigurationReport.self) { try Self.table(line) }
        #expect(report?.problems.map(\.path) == [path])
    }

    @Test("No table is no price, and no mistake")
    func none() throws {
        #expect(try Self.table("").cost(of: Usage(input: 1, output: 1), by: Self.answerer("m")) == nil)
    }
}
