/// Spans of time as Go writes them, such as `1h2m3.5s`, `6m0s`, `132ms` or `250µs`.
enum WireDuration {
    private static let units: [(name: String, seconds: Double)] = [
        ("h", 3600), ("m", 60), ("s", 1), ("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("μs", 1e-6), ("ns", 1e-9),
    ]

    /// - Returns: `nil` unless all of the text is numbers with units.
    static func seconds(_ text: String) -> Double? {
        var rest = text[...]
        var sum = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            let unit = rest.dropFirst(number.count).prefix { !$0.isNumber && $0 != "." }
            guard let value = Double(number), let scale = units.first(where: { $0.name == unit })?.seconds else {
                return nil
            }
            sum += value * scale
            rest = rest.dropFirst(number.count + unit.count)
        }
        return text.isEmpty ? nil : sum
    }
}

/// Dates such as `2026-01-01T00:00:17.5Z` or `2026-01-01T01:00:17+01:00` (RFC 3339, section 5.6).
enum RFC3339 {
    /// - Returns: seconds since 1970.
    static func seconds(_ text: String) -> Double? {
        let text = text.utf8.map { $0 }
        guard text.count >= 20, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
            text[10] | 0x20 == UInt8(ascii: "t"), let year = number(text[0..<4]), let month = number(text[5..<7]),
            let day = number(text[8..<10]),
            let time = DayTime.seconds(String(decoding: text[11..<19], as: UTF8.self)), year >= 1970,
            (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var rest = text[19...]
        var fraction = 0.0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
            fraction = Double("0." + String(decoding: digits, as: UTF8.self)) ?? 0
            rest = rest.dropFirst(digits.count + 1)
        }
        guard let offset = offset(rest) else { return nil }
        return Double(DayTime.days(year, month, day) * 86_400 + time - offset) + fraction
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        digits.allSatisfy { (0x30...0x39).contains($0) } ? Int(String(decoding: digits, as: UTF8.self)) : nil
    }

    /// Seconds east of Greenwich.
    private static func offset(_ text: ArraySlice<UInt8>) -> Int? {
        let zone = Array(text)
        if zone.count == 1, zone[0] | 0x20 == UInt8(ascii: "z") { return 0 }
        guard zone.count == 6, zone[3] == UInt8(ascii: ":"), let hours = number(zone[1..<3]),
            let minutes = number(zone[4..<6])
        else { return nil }
        switch zone[0] {
        case UInt8(ascii: "+"): return hours * 3600 + minutes * 60
        case UInt8(ascii: "-"): return -(hours * 3600 + minutes * 60)
        default: return nil
        }
    }
}

/// Dates such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7); the two obsolete forms are not read.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// - Returns: seconds since 1970.
    static func seconds(_ text: String) -> Double? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(parts[2])), let year = Int(parts[3]),
            (1970...9999).contains(year), let time = DayTime.seconds(String(parts[4]))
        else { return nil }
        return Double(DayTime.days(year, month + 1, day) * 86_400 + time)
    }
}

/// What the forms of dates share.
private enum DayTime {
    /// Seconds since midnight, of `hh:mm:ss`.
    static func seconds(_ text: String) -> Int? {
        let time = text.split(separator: ":").compactMap { Int($0) }
        guard time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2]) else {
            return nil
        }
        return time[0] * 3600 + time[1] * 60 + time[2]
    }

    /// Days since 1970 in the Gregorian calendar, counted in years that begin in March, so that leap days come last.
    static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month > 2 ? year : year - 1
        let monthFromMarch = (month + 9) % 12
        let leapDays = year / 4 - year / 100 + year / 400
        return 365 * year + leapDays + (153 * monthFromMarch + 2) / 5 + day - 719_469
    }
}
