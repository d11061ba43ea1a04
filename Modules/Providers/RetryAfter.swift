internal import Core

/// How long a provider asks to wait.
enum RetryAfter {
    /// Longer waits are not a matter of retrying.
    private static let longest = 86_400.0

    /// The first that is given of `retry-after-ms`, `retry-after` (seconds or a date), Gemini's `RetryInfo` and the time at
    /// which a spent limit is filled again.
    static func duration(_ head: ResponseHead?, _ details: [JSONValue]) -> Duration? {
        let seconds = milliseconds(head) ?? seconds(head) ?? googleDelay(details) ?? head.flatMap(LimitReset.seconds)
        guard let seconds, seconds.isFinite, seconds >= 0 else { return nil }
        return .milliseconds(Int64(min(seconds, longest) * 1000))
    }

    private static func milliseconds(_ head: ResponseHead?) -> Double? {
        head?["retry-after-ms"].flatMap(Double.init).map { $0 / 1000 }
    }

    private static func seconds(_ head: ResponseHead?) -> Double? {
        head?["retry-after"].flatMap { Double($0) ?? until($0, head?["date"]) }
    }

    /// Such as `34.4s`.
    private static func googleDelay(_ details: [JSONValue]) -> Double? {
        let text = details.lazy.compactMap { $0["retryDelay"]?.string }.first
        guard let text, text.hasSuffix("s") else { return nil }
        return Double(text.dropLast())
    }

    /// Counted from the response's own date: the two clocks need not agree.
    private static func until(_ date: String, _ now: String?) -> Double? {
        guard let then = HTTPDate.seconds(date), let now = now.flatMap(HTTPDate.seconds) else { return nil }
        return Double(max(0, then - now))
    }
}

/// Dates such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7); the two obsolete forms are not read.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// - Returns: seconds since 1970.
    static func seconds(_ text: String) -> Int? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(parts[2])), let year = Int(parts[3]), (1970...9999).contains(year)
        else { return nil }
        let time = parts[4].split(separator: ":").compactMap { Int($0) }
        guard time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2]) else {
            return nil
        }
        return days(year, month + 1, day) * 86_400 + time[0] * 3600 + time[1] * 60 + time[2]
    }

    /// Days since 1970 in the Gregorian calendar, counted in years that begin in March, so that leap days come last.
    static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month > 2 ? year : year - 1
        let monthFromMarch = (month + 9) % 12
        let leapDays = year / 4 - year / 100 + year / 400
        return 365 * year + leapDays + (153 * monthFromMarch + 2) / 5 + day - 719_469
    }
}
