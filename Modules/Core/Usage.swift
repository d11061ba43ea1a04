/// Tokens that an answer used; `nil` is what nobody said, and never zero.
public struct Usage: Sendable, Hashable {
    /// Includes ``cachedInput`` and ``cacheWrite``.
    public var input: Int?
    /// Includes ``reasoning``, unless the provider counts the two side by side; ``total`` has both.
    public var output: Int?
    public var total: Int?
    public var reasoning: Int?
    /// The part of ``input`` that the provider had in its cache.
    public var cachedInput: Int?
    /// The part of ``input`` that the provider put into its cache, where that is counted apart.
    public var cacheWrite: Int?
    /// Whether any of the counts is ours, made from the length of the texts, and not the provider's.
    public var isEstimated: Bool

    public init(
        input: Int? = nil, output: Int? = nil, total: Int? = nil, reasoning: Int? = nil, cachedInput: Int? = nil,
        cacheWrite: Int? = nil, isEstimated: Bool = false
    ) {
        self.input = input
        self.output = output
        self.total = total
        self.reasoning = reasoning
        self.cachedInput = cachedInput
        self.cacheWrite = cacheWrite
        self.isEstimated = isEstimated
    }

    /// An estimate of 4 bytes of UTF-8 to a token, as history is measured, for an answer whose provider counted nothing
    /// or was cut off before it could say.
    public init(estimatedFromInput input: Int, output: Int) {
        func tokens(_ bytes: Int) -> Int { bytes / 4 + (bytes % 4 == 0 ? 0 : 1) }
        let (input, output) = (tokens(input), tokens(output))
        self.init(input: input, output: output, total: input + output, isEstimated: true)
    }

    /// The tokens of two spans of one answer.
    ///
    /// A sum is known where both parts are, and estimated where either is. It stays at the largest number rather than
    /// run past it.
    public static func + (left: Usage, right: Usage) -> Usage {
        func sum(_ count: KeyPath<Usage, Int?>) -> Int? {
            guard let one = left[keyPath: count], let other = right[keyPath: count] else { return nil }
            return added(one, other)
        }
        return Usage(
            input: sum(\.input), output: sum(\.output), total: sum(\.total), reasoning: sum(\.reasoning),
            cachedInput: sum(\.cachedInput), cacheWrite: sum(\.cacheWrite),
            isEstimated: left.isEstimated || right.isEstimated)
    }

    /// A sum of counts that stays at the largest number rather than run past it: nobody vouches for a provider's.
    package static func added(_ counts: Int...) -> Int {
        counts.reduce(0) { sum, count in
            let (sum, overflows) = sum.addingReportingOverflow(count)
            return overflows ? .max : sum
        }
    }

    /// The tokens of all spans of an answer; `nil` where there is no span, or one of which nothing is known.
    public static func sum(of spans: some Sequence<Usage?>) -> Usage? {
        var sum: Usage?
        for span in spans {
            guard let span else { return nil }
            sum = sum.map { $0 + span } ?? span
        }
        return sum
    }
}

extension Usage {
    /// The counts that are known, as `metadata.usage` holds them; `estimated` stands there only when it is true.
    public var json: JSONValue {
        let counts = [
            "input": input, "output": output, "total": total, "reasoning": reasoning, "cached_input": cachedInput,
            "cache_write": cacheWrite,
        ]
        var members = counts.compactMapValues { $0.map { JSONValue.int(Int64($0)) } }
        if isEstimated { members["estimated"] = true }
        return .object(members)
    }

    /// - Returns: `nil` when `json` is no object; counts that are absent or no whole number stay `nil`.
    public init?(json: JSONValue) {
        guard case .object = json else { return nil }
        self.init(
            input: json["input"]?.int, output: json["output"]?.int, total: json["total"]?.int,
            reasoning: json["reasoning"]?.int, cachedInput: json["cached_input"]?.int,
            cacheWrite: json["cache_write"]?.int, isEstimated: json["estimated"]?.bool ?? false)
    }
}
