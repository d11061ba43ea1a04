/// Money that an answer cost.
public struct Cost: Sendable, Hashable {
    /// Millionths of the currency's unit, so that sums are exact: 1,250 of `USD` are 0.00125 dollars.
    public var micros: Int64
    /// A code of ISO 4217, such as `USD`.
    public var currency: String
    /// Whether the tokens behind it were estimated.
    public var isEstimated: Bool

    public init(micros: Int64, currency: String, isEstimated: Bool = false) {
        self.micros = micros
        self.currency = currency
        self.isEstimated = isEstimated
    }

    /// The cost of all spans of an answer.
    ///
    /// - Returns: `nil` where there is no span, one whose cost is not known, or two currencies: we know no rate.
    public static func sum(of spans: some Sequence<Cost?>) -> Cost? {
        var sum: Cost?
        for span in spans {
            guard let span else { return nil }
            guard let before = sum else {
                sum = span
                continue
            }
            let (micros, overflows) = before.micros.addingReportingOverflow(span.micros)
            guard before.currency == span.currency, !overflows else { return nil }
            sum = Cost(
                micros: micros, currency: span.currency, isEstimated: before.isEstimated || span.isEstimated)
        }
        return sum
    }
}

extension Cost {
    /// As `metadata.cost` holds it; `estimated` stands there only when it is true.
    public var json: JSONValue {
        var members: [String: JSONValue] = ["micros": .int(micros), "currency": .string(currency)]
        if isEstimated { members["estimated"] = true }
        return .object(members)
    }

    /// - Returns: `nil` unless `json` is an object with a whole number of `micros` and a `currency`.
    public init?(json: JSONValue) {
        guard case .int(let micros)? = json["micros"], let currency = json["currency"]?.string else { return nil }
        self.init(micros: micros, currency: currency, isEstimated: json["estimated"]?.bool ?? false)
    }
}
