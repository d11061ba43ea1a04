public import Core

/// What models cost, as the operator's configuration says.
///
/// Providers change their prices and give none with their answers, so that a table is all there is.
public struct PriceTable: Sendable, Hashable {
    /// What tokens of one kind of model cost.
    public struct Price: Sendable, Hashable {
        /// Millionths of the currency's unit for a million tokens: 250,000 are 0.25 dollars.
        public var input: Int64
        /// Reasoning is billed as output.
        public var output: Int64
        /// Of input that was in the provider's cache; that of ``input`` when `nil`.
        public var cachedInput: Int64?
        /// Of input that the provider put into its cache; that of ``input`` when `nil`.
        public var cacheWrite: Int64?
        /// A code of ISO 4217.
        public var currency: String

        public init(
            input: Int64, output: Int64, cachedInput: Int64? = nil, cacheWrite: Int64? = nil, currency: String = "USD"
        ) {
            self.input = input
            self.output = output
            self.cachedInput = cachedInput
            self.cacheWrite = cacheWrite
            self.currency = currency
        }
    }

    /// Who answered, in the words that a table may use.
    public struct Answerer: Sendable, Hashable {
        /// The provider's name in the configuration.
        public var provider: String
        public var kind: String
        /// Names of the model: as it names itself, and as it was asked for.
        public var models: [String]

        public init(provider: String, kind: String, models: [String]) {
            self.provider = provider
            self.kind = kind
            self.models = models
        }
    }

    /// By pattern: a provider's name or kind, a slash, and a model, in which `*` stands for any text.
    private let entries: [Entry]

    /// - Parameter prices: by pattern, such as `openai/gpt-5-mini*`.
    public init(_ prices: [String: Price] = [:]) {
        entries = prices.compactMap { pattern, price in Entry(pattern, price) }.sorted { $0.comesBefore($1) }
    }

    /// The price that holds for an answer.
    ///
    /// An entry for the provider's name goes before one for its kind, and then the pattern with the most letters before
    /// the others.
    ///
    /// - Returns: `nil` where no entry fits.
    public func price(of answerer: Answerer) -> Price? {
        for owner in [answerer.provider, answerer.kind] {
            let entry = entries.first { $0.owner == owner && answerer.models.contains(where: $0.fits) }
            if let entry { return entry.price }
        }
        return nil
    }

    /// What an answer cost, rounded to the nearest micro-unit.
    ///
    /// - Returns: `nil` where no price is known, or not how many tokens went in and came out: half a cost is none.
    public func cost(of usage: Usage, by answerer: Answerer) -> Cost? {
        guard let price = price(of: answerer), let input = usage.input else { return nil }
        // Some providers count reasoning beside the output; their total has it.
        let outputs = [usage.output.map { Int128($0) }, usage.total.map { Int128($0) - Int128(input) }]
        guard let output = outputs.compactMap(\.self).max() else { return nil }
        // A provider that does not speak of its cache has none that is billed apart.
        let cached = min(max(0, usage.cachedInput ?? 0), input)
        let written = min(max(0, usage.cacheWrite ?? 0), input - cached)
        let parts: [(tokens: Int128, price: Int64)] = [
            (Int128(input - cached - written), price.input), (Int128(cached), price.cachedInput ?? price.input),
            (Int128(written), price.cacheWrite ?? price.input), (output, price.output),
        ]
        let sum = parts.reduce(Int128(0)) { $0 + max(0, $1.tokens) * Int128($1.price) }
        guard let micros = Int64(exactly: (sum + 500_000) / 1_000_000) else { return nil }
        return Cost(micros: micros, currency: price.currency, isEstimated: usage.isEstimated)
    }

    /// Whether a text is a pattern: an owner, a slash and a model, none of them empty.
    static func isPattern(_ text: String) -> Bool { Entry(text, Price(input: 0, output: 0)) != nil }

    /// What stands before the first slash; models have slashes of their own.
    static func owner(of pattern: String) -> String { String(pattern.prefix { $0 != "/" }) }
}

/// One line of the table.
private struct Entry: Sendable, Hashable {
    let owner: String
    let model: [UInt8]
    let price: PriceTable.Price

    init?(_ pattern: String, _ price: PriceTable.Price) {
        owner = PriceTable.owner(of: pattern)
        model = Array(pattern.utf8.dropFirst(owner.utf8.count + 1))
        self.price = price
        if owner.isEmpty || model.isEmpty { return nil }
    }

    func comesBefore(_ other: Entry) -> Bool {
        let (mine, others) = (letters, other.letters)
        return mine == others ? model.lexicographicallyPrecedes(other.model) : mine > others
    }

    private var letters: Int { model.count { $0 != UInt8(ascii: "*") } }

    /// Whether the model's name fits, each `*` taking as little as it can: in time of at most pattern × name.
    func fits(_ name: String) -> Bool {
        let name = Array(name.utf8)
        var (place, taken) = (0, 0)
        var star: (place: Int, taken: Int)?
        while taken < name.count {
            if place < model.count, model[place] == UInt8(ascii: "*") {
                star = (place, taken)
                place += 1
            } else if place < model.count, model[place] == name[taken] {
                place += 1
                taken += 1
            } else if let last = star {
                star = (last.place, last.taken + 1)
                (place, taken) = (last.place + 1, last.taken + 1)
            } else {
                return false
            }
        }
        return model[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
