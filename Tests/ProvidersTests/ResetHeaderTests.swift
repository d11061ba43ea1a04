import Core
import Providers
import Testing

@Suite("When a provider's limits are lifted")
struct ResetHeaderTests {
    static let date = (name: "Date", value: "Thu, 01 Jan 2026 00:00:00 GMT")

    static func wait(_ headers: [(String, String)], status: Int = 429) -> Duration? {
        let headers = [date] + headers.map { (name: $0.0, value: $0.1) }
        return ErrorAnswerTests.answer(status, "", headers).retryAfter
    }

    @Test(
        "Every form in which vendors write it is read",
        arguments: [
            ("8.64s", .milliseconds(8640)), ("120ms", .milliseconds(120)), ("132ms", .milliseconds(132)),
            ("1m3.5s", .milliseconds(63_500)), ("6m0s", .seconds(360)), ("2h1m0.5s", .milliseconds(7_260_500)),
            ("0s", .zero), ("1500µs", .milliseconds(2)), ("12", .seconds(12)), ("12.5", .milliseconds(12_500)),
            ("0", .zero), ("2026-01-01T00:00:17Z", .seconds(17)), ("2026-01-01T00:00:17.250Z", .milliseconds(17_250)),
            ("2026-01-01T01:00:17+01:00", .seconds(17)), ("2025-12-31T23:00:00.5-01:30", .milliseconds(1_800_500)),
            ("2025-12-31T23:59:59Z", .zero), ("1767225630", .seconds(30)), ("1767225630000", .seconds(30)),
            ("48h", .seconds(86_400)), ("-1", nil), ("", nil), ("s", nil), ("1", .seconds(1)), ("1x", nil),
            ("1m3", nil), ("soon", nil), ("2026-01-01", nil), ("2026-13-01T00:00:00Z", nil),
            ("2026-01-01T00:00:17", nil), ("nan", nil), ("inf", nil), ("--1s", nil),
        ] as [(String, Duration?)])
    func forms(text: String, wait: Duration?) {
        #expect(Self.wait([("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", text)]) == wait)
        #expect(Self.wait([("anthropic-ratelimit-requests-reset", text)]) == wait)
    }

    @Test("Of limits that are used up the longest counts, of the others none")
    func usedUp() {
        let left = ("x-ratelimit-remaining-requests", "3")
        #expect(Self.wait([left, ("x-ratelimit-reset-requests", "9s")]) == nil)
        #expect(
            Self.wait([
                left, ("x-ratelimit-reset-requests", "9s"), ("x-ratelimit-remaining-tokens", "0"),
                ("x-ratelimit-reset-tokens", "4s"),
            ]) == .seconds(4))
        #expect(
            Self.wait([
                ("anthropic-ratelimit-input-tokens-remaining", "0"),
                ("anthropic-ratelimit-input-tokens-reset", "2026-01-01T00:00:20Z"),
                ("anthropic-ratelimit-requests-remaining", "0"),
                ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:05Z"),
            ]) == .seconds(20))
        #expect(Self.wait([("x-ratelimit-reset", "1767225603000")]) == .seconds(3))
        #expect(Self.wait([("ratelimit-remaining", "0"), ("ratelimit-reset", "3")]) == .seconds(3))
    }

    @Test("What the provider asks for goes before what its limits say")
    func precedence() {
        let reset = ("x-ratelimit-reset-requests", "9s")
        #expect(Self.wait([reset, ("retry-after-ms", "1500"), ("retry-after", "2")]) == .milliseconds(1500))
        #expect(Self.wait([reset, ("retry-after", "2")]) == .seconds(2))
        #expect(Self.wait([reset, ("retry-after", "later")]) == .seconds(9))
    }

    @Test("Limits say nothing about other errors")
    func otherErrors() {
        let reset = ("x-ratelimit-reset-requests", "9s")
        #expect(Self.wait([reset], status: 503) == nil)
        #expect(Self.wait([reset], status: 400) == nil)
    }

    @Test("A date is worth nothing without the provider's own")
    func withoutDate() {
        let reset = (name: "anthropic-ratelimit-requests-reset", value: "2026-01-01T00:00:17Z")
        #expect(ErrorAnswerTests.answer(429, "", [reset]).retryAfter == nil)
    }
}
