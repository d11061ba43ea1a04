public import Configuration
internal import Core

extension PriceTable {
    /// The highest price that is read, in units of the currency for a million tokens.
    private static let highest = 1_000_000.0

    /// Reads `prices`: by pattern, `input`, `output`, `cached_input` and `cache_write` for a million tokens, and
    /// `currency`, `USD` by default.
    ///
    /// - Parameters:
    ///   - section: what is wrong in it is reported to it.
    ///   - owners: the names of providers and their kinds, of which a pattern begins with one.
    public init(_ section: Section, owners: [String]) {
        var prices: [String: Price] = [:]
        for pattern in section.names {
            let entry = section.section(pattern)
            if !Self.isPattern(pattern) {
                section.fail(pattern, "expected a provider or kind, a slash and a model, such as openai/gpt-5-mini*")
            } else if !owners.contains(Self.owner(of: pattern)) {
                section.fail(
                    pattern, "no provider and no kind of provider has the name before the slash",
                    suggestion: nearest(to: Self.owner(of: pattern), among: owners))
            }
            prices[pattern] = Price(
                input: Self.required("input", entry), output: Self.required("output", entry),
                cachedInput: Self.price("cached_input", entry), cacheWrite: Self.price("cache_write", entry),
                currency: Self.currency(entry))
        }
        self.init(prices)
    }

    private static func required(_ key: String, _ section: Section) -> Int64 {
        if !section.isGiven(key) { section.fail(key, "is missing; expected the price of a million tokens") }
        return price(key, section) ?? 0
    }

    /// Whole micro-units: a price of more than six decimals could not be computed with exactly.
    private static func price(_ key: String, _ section: Section) -> Int64? {
        guard let price = section.double(key, in: 0...highest) else { return nil }
        let micros = (price * 1_000_000).rounded()
        if abs(price * 1_000_000 - micros) > 0.001 { section.fail(key, "expected a price of at most six decimals") }
        return Int64(micros)
    }

    private static func currency(_ section: Section) -> String {
        let code = section.string("currency", default: "USD")
        if code.utf8.count != 3 || !code.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) {
            section.fail("currency", "expected a code of three capital letters, such as USD or EUR")
        }
        return code
    }
}
