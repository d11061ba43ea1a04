import Core
import Foundation
import TestSupport
import Testing

@Suite("A timestamp")
struct TimestampTests {
    @Test(
        "Is written as RFC 3339 does",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"), (1_773_065_100_250, "2026-03-09T14:05:00.250Z"),
        ] as [(Int64, String)])
    func written(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).description == text)
    }

    @Test("Is written as Foundation writes it", arguments: 0..<200 as Range<UInt64>)
    func foundation(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        // The years 1600 to 2600: Foundation's calendar is another one before 1582.
        let milliseconds = Int64.random(in: -11_676_096_000_000...19_880_899_199_999, using: &random)
        let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        // Foundation cuts a fraction that a Double cannot hold exactly.
        let rounded = Date(timeIntervalSince1970: date.timeIntervalSince1970 + 0.0002)
        #expect(Timestamp(milliseconds: milliseconds).description == rounded.formatted(style))
    }

    @Test(
        "Moves by a duration and stays at the ends",
        arguments: [
            (1000, .milliseconds(1), 1001), (1000, .microseconds(999), 1000), (1000, .seconds(-2), -1000),
            (1000, .seconds(Int64.max), .max), (-1000, .seconds(Int64.min), .min), (.max, .milliseconds(1), .max),
            (.min, .milliseconds(-1), .min),
        ] as [(Int64, Duration, Int64)])
    func moves(start: Int64, duration: Duration, end: Int64) {
        #expect(Timestamp(milliseconds: start) + duration == Timestamp(milliseconds: end))
    }

    @Test("Of a day is its first moment, whatever the moment it came from", arguments: 0..<200 as Range<UInt64>)
    func day(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        // The years 1 to 9999.
        let moment = Timestamp(milliseconds: .random(in: -62_135_596_800_000...253_402_300_799_999, using: &random))
        let day = try #require(Timestamp(day: moment.day), "\(moment)")
        #expect(day.description == moment.description.prefix(10) + "T00:00:00.000Z")
        #expect((0..<86_400_000).contains(moment.milliseconds - day.milliseconds))
    }

    @Test(
        "Is made of no day that there is not",
        arguments: [
            "2026-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-01-00", "2026-04-31", "0000-01-01",
            "2026-1-1",
            "+026-01-01", "2026-01-01T", "", "--", "2026/01/01", "٢٠٢٦-01-01",
        ])
    func noDay(text: String) {
        #expect(Timestamp(day: text) == nil)
    }

    @Test("Now is what the system's clock says")
    func now() {
        let before = Date.now.timeIntervalSince1970 * 1000
        let now = Double(Timestamp.now.milliseconds)
        #expect(now >= before - 1 && now <= Date.now.timeIntervalSince1970 * 1000)
    }
}
