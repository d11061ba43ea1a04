import Core

/// Numbers as people read them.
enum Amounts {
    /// What nobody told.
    static let unknown = "?"

    /// Such as `12,345`; `~` before it where it is an estimate.
    static func tokens(_ count: Int?, isEstimated: Bool = false) -> String {
        guard let count else { return unknown }
        var groups: [String] = []
        var rest = String(count)
        while rest.count > 3 {
            groups.insert(String(rest.suffix(3)), at: 0)
            rest.removeLast(3)
        }
        return (isEstimated ? "~" : "") + ([rest] + groups).joined(separator: ",")
    }

    /// Such as `0.00125 USD`: every micro-unit, without zeros at the end beyond the second decimal.
    static func money(_ cost: Cost) -> String {
        let micros = String(cost.micros.magnitude)
        let digits = String(repeating: "0", count: max(0, 7 - micros.count)) + micros
        var fraction = digits.suffix(6)
        while fraction.count > 2, fraction.hasSuffix("0") { fraction.removeLast() }
        let sign = cost.micros < 0 ? "-" : ""
        return "\(cost.isEstimated ? "~" : "")\(sign)\(digits.dropLast(6)).\(fraction) \(cost.currency)"
    }

    /// Such as `412 ms` or `1.31 s`.
    static func time(_ duration: Duration) -> String {
        let milliseconds = Self.milliseconds(duration)
        guard milliseconds >= 1000 else { return "\(milliseconds) ms" }
        let hundredths = milliseconds / 10
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) s"
    }

    /// Whole milliseconds.
    static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
