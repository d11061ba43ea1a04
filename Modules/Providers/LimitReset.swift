/// When the limits that a response calls spent are filled again.
enum LimitReset {
    /// - Returns: seconds until the last of the spent limits is filled; `nil` where none is, or it does not say when.
    static func seconds(_ head: ResponseHead) -> Double? {
        let openAI = ["requests", "tokens"].compactMap { limit in
            head["x-ratelimit-remaining-\(limit)"] == "0" ? head["x-ratelimit-reset-\(limit)"].flatMap(span) : nil
        }
        let now = head["date"].flatMap(HTTPDate.seconds)
        let anthropic = ["requests", "tokens", "input-tokens", "output-tokens"].compactMap { limit in
            let prefix = "anthropic-ratelimit-\(limit)"
            return head["\(prefix)-remaining"] == "0" ? head["\(prefix)-reset"].flatMap { until($0, now) } : nil
        }
        return (openAI + anthropic).max()
    }

    /// A time as OpenAI and Groq write it, such as `1m3.5s` or `132ms`; Azure writes seconds, and -1 for unknown.
    private static func span(_ text: String) -> Double? {
        if let seconds = Double(text) { return seconds < 0 ? nil : seconds }
        let units = ["h": 3600.0, "m": 60, "s": 1, "ms": 0.001]
        var rest = text[...]
        var seconds = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isNumber || $0 == "." }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let value = Double(number), let scale = units[String(unit)] else { return nil }
            seconds += value * scale
        }
        return text.isEmpty ? nil : seconds
    }

    /// Until a time of RFC 3339 in UTC, such as `2026-01-01T00:00:17Z`, counted from the response's own date.
    private static func until(_ time: String, _ now: Int?) -> Double? {
        let fields = time.split { "-:TZ".contains($0) }
        let numbers = fields.compactMap { Double($0) }
        guard let now, time.hasSuffix("Z"), fields.count == 6, numbers.count == 6, (1...12).contains(numbers[1]),
            (1970...9999).contains(numbers[0])
        else { return nil }
        let days = HTTPDate.days(Int(numbers[0]), Int(numbers[1]), Int(numbers[2]))
        return max(0, Double(days * 86_400 - now) + numbers[3] * 3600 + numbers[4] * 60 + numbers[5])
    }
}
