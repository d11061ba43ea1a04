import Glibc

/// The few things that are asked of the system.
enum System {
    /// What the system says about the last call that failed.
    static var lastError: String { text(errno) }

    static func text(_ code: Int32) -> String { String(cString: strerror(code)) }

    /// The folder that a path leads to.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The time of day as `2026-11-21T10:06:04Z`.
    static var now: String { text(ofSeconds: secondsNow) }

    private static func text(ofSeconds seconds: Int) -> String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return String(unsafeUninitializedCapacity: 32) { buffer in
            buffer.withMemoryRebound(to: CChar.self) { target in
                strftime(target.baseAddress, target.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
            }
        }
    }

    /// The seconds since 1970 of a time as ``now`` writes it; `nil` for another form.
    static func seconds(of text: String) -> Int? {
        let numbers = text.split { !$0.isNumber }.compactMap { Int32($0) }
        guard numbers.count == 6 else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
        let seconds = timegm(&parts)
        return Self.text(ofSeconds: seconds) == text ? seconds : nil
    }

    static var secondsNow: Int { time(nil) }

    /// Milliseconds of a clock that never goes back.
    static var milliseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }
}
