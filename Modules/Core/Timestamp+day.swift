extension Timestamp {
    /// The day in UTC, such as `2026-03-09`.
    public var day: String { String(description.prefix { $0 != "T" }) }

    /// The first moment of a day in UTC; `nil` for what is no such date, such as `2026-02-29`.
    ///
    /// - Parameter day: a date of the Gregorian calendar as RFC 3339 writes it, from `0001-01-01` to `9999-12-31`.
    public init?(day: String) {
        let parts = day.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2], day.utf8.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }),
            let year = Int64(parts[0]), let month = Int64(parts[1]), let date = Int64(parts[2]), year > 0, month > 0
        else { return nil }
        // Years begin in March, so that leap days come last.
        let years = month > 2 ? year : year - 1
        let leapDays = years / 4 - years / 100 + years / 400
        let days = 365 * years + leapDays + (153 * ((month + 9) % 12) + 2) / 5 + date - 719_469
        self.init(milliseconds: days * 86_400_000)
        // A date that there is reads the same again.
        if self.day != day { return nil }
    }
}
