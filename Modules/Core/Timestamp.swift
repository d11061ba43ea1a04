import Glibc

/// A moment of the wall clock: milliseconds since 1970 in UTC, without leap seconds.
///
/// For rows and log lines. Durations are measured with a `Clock`, since the wall clock is set back at times.
public struct Timestamp: Sendable, Hashable, Comparable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// What the machine's clock says.
    public static var now: Timestamp {
        var time = timespec()
        unsafe _ = clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// Counts whole milliseconds, the rest falls away; stays at the last moment where it would run past it.
    public static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        let end: Int64 = duration < .zero ? .min : .max
        guard !overflow else { return Timestamp(milliseconds: end) }
        let (span, _) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        let (sum, past) = moment.milliseconds.addingReportingOverflow(span)
        return Timestamp(milliseconds: past ? end : sum)
    }
}

extension Timestamp: CustomStringConvertible {
    /// As RFC 3339 writes it, in UTC: `2026-03-09T14:05:00.250Z`.
    public var description: String {
        let day: Int64 = 86_400_000
        var days = milliseconds / day
        var rest = milliseconds % day
        if rest < 0 {
            rest += day
            days -= 1
        }
        let (year, month, dayOfMonth) = Self.date(ofDay: days)
        let clock = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60].map { Self.digits($0, 2) }
        let date = [Self.digits(year, 4), Self.digits(month, 2), Self.digits(dayOfMonth, 2)]
        let fraction = Self.digits(rest % 1000, 3)
        return "\(date.joined(separator: "-"))T\(clock.joined(separator: ":")).\(fraction)Z"
    }

    /// The Gregorian date of a day counted from 1970-01-01.
    ///
    /// A year is taken to begin in March, so that the leap day is its last, and years come in cycles of 400, each of
    /// 146,097 days.
    private static func date(ofDay days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468  // from 0000-03-01
        let cycle = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfCycle = shifted - cycle * 146_097
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func digits(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
