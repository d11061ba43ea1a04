internal import Core

/// How long a provider asks to wait.
enum RetryAfter {
    /// Longer waits are not a matter of retrying.
    private static let longest = 86_400.0

    /// The first that is given of `retry-after-ms`, `retry-after` (seconds or a date), Gemini's `RetryInfo` and, after
    /// too many requests, the time at which the provider's limits are lifted again.
    static func duration(_ head: ResponseHead?, _ details: [JSONValue], isRateLimit: Bool) -> Duration? {
        let told = milliseconds(head) ?? seconds(head) ?? googleDelay(details)
        guard let seconds = told ?? (isRateLimit ? head.flatMap(reset) : nil) else { return nil }
        guard seconds.isFinite, seconds >= 0 else { return nil }
        return .milliseconds(Int64((min(seconds, longest) * 1000).rounded()))
    }

    private static func milliseconds(_ head: ResponseHead?) -> Double? {
        head?["retry-after-ms"].flatMap(Double.init).map { $0 / 1000 }
    }

    private static func seconds(_ head: ResponseHead?) -> Double? {
        head?["retry-after"].flatMap { Double($0) ?? until(HTTPDate.seconds($0), head) }
    }

    /// Such as `34.4s`.
    private static func googleDelay(_ details: [JSONValue]) -> Double? {
        details.lazy.compactMap { $0["retryDelay"]?.string }.first.flatMap(WireDuration.seconds)
    }

    // MARK: Limits

    /// Of each limit that vendors tell of: how much is left, and when all of it is there again.
    ///
    /// OpenAI, Azure, Groq and their like; Anthropic; and the names that gateways use.
    private static let limits: [(remaining: String, reset: String)] =
        ["requests", "tokens"].map { ("x-ratelimit-remaining-\($0)", "x-ratelimit-reset-\($0)") }
        + ["requests", "tokens", "input-tokens", "output-tokens"].map {
            ("anthropic-ratelimit-\($0)-remaining", "anthropic-ratelimit-\($0)-reset")
        }
        + ["x-ratelimit", "ratelimit"].map { ("\($0)-remaining", "\($0)-reset") }

    /// The longest wait of the limits that are used up; what is left of the others did not cause the error.
    private static func reset(_ head: ResponseHead) -> Double? {
        let waits = limits.compactMap { limit -> Double? in
            if let remaining = head[limit.remaining].flatMap(Double.init), remaining > 0 { return nil }
            return head[limit.reset].flatMap { wait($0, head) }
        }
        return waits.max()
    }

    /// Seconds to the end of a limit in any of the vendors' forms: `6m0s`, `132ms`; whole seconds, of which -1 says
    /// nothing; a date of RFC 3339; seconds or milliseconds since 1970.
    private static func wait(_ text: String, _ head: ResponseHead) -> Double? {
        if let number = Double(text) {
            guard number >= 0 else { return nil }
            if number < 1e9 { return number }
            return until(number < 1e11 ? number : number / 1000, head)
        }
        return WireDuration.seconds(text) ?? until(RFC3339.seconds(text), head)
    }

    /// Counted from the response's own date: the two clocks need not agree.
    private static func until(_ then: Double?, _ head: ResponseHead?) -> Double? {
        guard let then, let now = head?["date"].flatMap(HTTPDate.seconds) else { return nil }
        return max(0, then - now)
    }
}
