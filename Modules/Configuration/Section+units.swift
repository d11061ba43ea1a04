extension Section {
    /// A time with its unit: `500ms`, `30s`, `5m`, `24h`, `7d`; decimals are allowed, as in `1.5s`.
    ///
    /// The range is from nothing to ten years unless the caller says otherwise.
    public func duration(
        _ key: String, in range: ClosedRange<Duration> = .zero ... .seconds(315_360_000), default value: Duration
    ) -> Duration {
        duration(key, in: range, fallback: value) ?? value
    }

    /// A time with its unit, as ``duration(_:in:default:)``; `nil` when absent.
    public func duration(
        _ key: String, in range: ClosedRange<Duration> = .zero ... .seconds(315_360_000)
    ) -> Duration? {
        duration(key, in: range, fallback: nil)
    }

    private func duration(_ key: String, in range: ClosedRange<Duration>, fallback: Duration?) -> Duration? {
        let bounds = "\(Units.text(range.lowerBound)) to \(Units.text(range.upperBound))"
        return scalar(
            key, expected: "a time from \(bounds) with its unit (ms, s, m, h, d)", default: fallback,
            effective: { .plain(Units.text($0)) },
            { scalar in Units.duration(scalar.text).flatMap { range.contains($0) ? $0 : nil } })
    }

    /// A number of bytes: `64KiB`, `1MiB`, `2GiB` (of 1,024), `10kB`, `10MB`, `2GB` (of 1,000), or a plain number.
    public func bytes(_ key: String, in range: ClosedRange<Int> = 0 ... .max, default value: Int) -> Int {
        let bounds =
            range.upperBound == .max
            ? "of at least \(Units.text(bytes: range.lowerBound))"
            : "from \(Units.text(bytes: range.lowerBound)) to \(Units.text(bytes: range.upperBound))"
        return scalar(
            key, expected: "a size in bytes \(bounds), such as 64KiB or 10MB", default: value,
            effective: { .plain(Units.text(bytes: $0)) },
            { scalar in Units.bytes(scalar.text).flatMap { range.contains($0) ? $0 : nil } }) ?? value
    }
}

/// Times and sizes as people write them.
enum Units {
    private static let times: [(unit: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]
    private static let sizes: [(unit: String, bytes: Int64)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("GB", 1_000_000_000), ("MB", 1_000_000),
        ("kB", 1_000), ("KB", 1_000), ("B", 1), ("", 1),
    ]

    /// - Returns: `nil` unless `text` is a number and a unit that make whole milliseconds.
    static func duration(_ text: String) -> Duration? {
        let (number, unit) = split(text)
        guard let scale = times.first(where: { $0.unit == unit })?.milliseconds else { return nil }
        return whole(number, times: scale).map { .milliseconds($0) }
    }

    /// - Returns: `nil` unless `text` is a number and a unit that make whole bytes.
    static func bytes(_ text: String) -> Int? {
        let (number, unit) = split(text)
        guard let scale = sizes.first(where: { $0.unit == unit })?.bytes else { return nil }
        return whole(number, times: scale).map(Int.init)
    }

    /// In the largest unit that needs no decimals.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
        guard milliseconds != 0, let unit = times.first(where: { milliseconds % $0.milliseconds == 0 }) else {
            return "0s"
        }
        return "\(milliseconds / unit.milliseconds)\(unit.unit)"
    }

    /// In the largest binary unit that needs no decimals.
    static func text(bytes: Int) -> String {
        guard bytes != 0, let unit = sizes.prefix(3).first(where: { Int64(bytes) % $0.bytes == 0 }) else {
            return "\(bytes)"
        }
        return "\(Int64(bytes) / unit.bytes)\(unit.unit)"
    }

    private static func split(_ text: String) -> (number: Substring, unit: String) {
        let end = text.firstIndex { !$0.isASCII || !($0.isNumber || $0 == ".") } ?? text.endIndex
        return (text[..<end], String(text[end...]))
    }

    /// `number` × `scale` in whole units, without going through binary fractions.
    private static func whole(_ number: Substring, times scale: Int64) -> Int64? {
        let parts = number.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let decimals = parts.count == 2 ? parts[1] : ""
        guard parts[0].isEmpty == false, parts.count == 1 || (1...9).contains(decimals.count) else { return nil }
        guard let digits = Int64(parts[0] + decimals) else { return nil }
        let (product, overflows) = digits.multipliedReportingOverflow(by: scale)
        let divisor = decimals.reduce(Int64(1)) { power, _ in power * 10 }
        guard !overflows, product % divisor == 0 else { return nil }
        return product / divisor
    }
}
