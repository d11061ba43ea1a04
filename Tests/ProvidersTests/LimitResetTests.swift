import Core
import Providers
import Testing

@Suite("The times at which limits are filled again")
struct LimitResetTests {
    static func wait(_ headers: [(name: String, value: String)]) -> Duration? {
        ErrorAnswer(from: "main", ResponseHead(status: 429, headers: headers), body: [UInt8]().span).retryAfter
    }

    @Test(
        "A spent limit says how long to wait",
        arguments: [
            ("132ms", 132), ("8.64s", 8640), ("1m3.5s", 63_500), ("6m0s", 360_000), ("1h1m1s", 3_661_000),
            ("12", 12_000), ("0s", 0), ("-1", nil), ("", nil), ("soon", nil), ("5x", nil), ("s", nil),
        ] as [(String, Int?)])
    func span(text: String, milliseconds: Int?) {
        for limit in ["requests", "tokens"] {
            let reset = (name: "x-ratelimit-reset-\(limit)", value: text)
            let spent = [(name: "x-ratelimit-remaining-\(limit)", value: "0"), reset]
            #expect(Self.wait(spent) == milliseconds.map { .milliseconds($0) })
            let left = [(name: "x-ratelimit-remaining-\(limit)", value: "3"), reset]
            #expect(Self.wait(left) == nil)
        }
    }

    @Test("Anthropic gives a time of day, which counts from the response's own")
    func timeOfDay() {
        let date = (name: "Date", value: "Sat, 21 Nov 2026 23:59:50 GMT")
        for limit in ["requests", "tokens", "input-tokens", "output-tokens"] {
            let spent = (name: "anthropic-ratelimit-\(limit)-remaining", value: "0")
            let name = "anthropic-ratelimit-\(limit)-reset"
            #expect(Self.wait([date, spent, (name: name, value: "2026-11-22T00:00:07Z")]) == .seconds(17))
            #expect(Self.wait([date, spent, (name: name, value: "2026-11-20T00:00:07Z")]) == .zero)
            #expect(Self.wait([spent, (name: name, value: "2026-11-22T00:00:07Z")]) == nil)
            #expect(Self.wait([date, spent, (name: name, value: "2026-13-22T00:00:07Z")]) == nil)
            #expect(Self.wait([date, spent, (name: name, value: "tomorrow")]) == nil)
        }
    }

    @Test("The longest of several counts, and what the provider asks for goes before all")
    func several() {
        let spent = [
            (name: "x-ratelimit-remaining-requests", value: "0"), (name: "x-ratelimit-reset-requests", value: "2s"),
            (name: "x-ratelimit-remaining-tokens", value: "0"), (name: "x-ratelimit-reset-tokens", value: "9s"),
        ]
        #expect(Self.wait(spent) == .seconds(9))
        #expect(Self.wait(spent + [(name: "retry-after", value: "4")]) == .seconds(4))
    }
}
