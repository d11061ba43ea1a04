public import Core
import Glibc
import Synchronization

/// The operator's log: one JSON object a line, with ids, counts, durations and codes, and never what anyone said.
///
/// A field takes no free text but ``Field/text(_:_:)``, for names that we made ourselves; what went wrong stands in
/// `detail`, cut short. A caller never waits: lines go to a bounded buffer that a thread of its own writes out, and what
/// does not fit is counted and said.
public final class Log: Sendable {
    public enum Level: String, Sendable, CaseIterable, Comparable {
        case debug, info, warning, error

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

        public static func < (one: Level, other: Level) -> Bool { one.rank < other.rank }
    }

    /// One thing a line says.
    public enum Field: Sendable {
        case id(StaticString, any Identifier)
        case count(StaticString, Int)
        case duration(StaticString, Duration)
        case flag(StaticString, Bool)
        case code(StaticString, PlatformError.Code)
        /// A name of ours, such as a route's pattern or a provider's name; never what a user or a model said.
        case text(StaticString, String)
    }

    private let threshold: Mutex<Level>
    private let writer: LogWriter

    /// `descriptor`: where the lines go; standard error by default.
    public init(level: Level = .info, descriptor: Int32 = 2) {
        threshold = Mutex(level)
        writer = LogWriter(descriptor)
    }

    /// Lines below it are left out.
    public var level: Level {
        get { threshold.withLock { $0 } }
        set { threshold.withLock { $0 = newValue } }
    }

    public func debug(_ event: StaticString, _ fields: [Field] = []) { write(.debug, event, fields, nil) }

    public func info(_ event: StaticString, _ fields: [Field] = []) { write(.info, event, fields, nil) }

    /// `detail`: the cause; what its `debugDescription` says is cut after 500 bytes.
    public func warning(_ event: StaticString, _ fields: [Field] = [], detail: (any Error)? = nil) {
        write(.warning, event, fields, detail)
    }

    /// `detail`: the cause; what its `debugDescription` says is cut after 500 bytes.
    public func error(_ event: StaticString, _ fields: [Field] = [], detail: (any Error)? = nil) {
        write(.error, event, fields, detail)
    }

    /// Writes out what waits; to be called before the process ends.
    public func flush() { writer.flush() }

    private static let maxDetailBytes = 500

    private func write(_ level: Level, _ event: StaticString, _ fields: [Field], _ detail: (any Error)?) {
        guard level >= self.level else { return }
        var json = JSONWriter()
        json.beginObject()
        json.name("time")
        json.value(LogTime.now)
        json.name("level")
        json.value(level.rawValue)
        json.name("event")
        json.value(event.description)
        for field in fields { write(field, to: &json) }
        if let detail {
            json.name("detail")
            json.value(String(String(reflecting: detail).prefix(Self.maxDetailBytes)))
        }
        json.endObject()
        json.raw("\n")
        writer.append(json.bytes)
    }

    private func write(_ field: Field, to json: inout JSONWriter) {
        switch field {
        case .id(let name, let value):
            json.name(name.description)
            json.value(value.text)
        case .count(let name, let value):
            json.name(name.description)
            json.value(value)
        case .duration(let name, let value):
            json.name(name.description + "_ms")
            let (seconds, attoseconds) = value.components
            json.value(Double(seconds * 1_000_000 + attoseconds / 1_000_000_000_000) / 1000)
        case .flag(let name, let value):
            json.name(name.description)
            json.value(value)
        case .code(let name, let value):
            json.name(name.description)
            json.value(value.rawValue)
        case .text(let name, let value):
            json.name(name.description)
            json.value(value)
        }
    }
}

/// The time as logs write it: RFC 3339 in UTC with milliseconds.
public enum LogTime {
    static var now: String {
        var time = timespec()
        unsafe _ = clock_gettime(CLOCK_REALTIME, &time)
        return text(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// `milliseconds`: since 1970.
    public static func text(milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = unsafe tm()
        unsafe _ = gmtime_r(&seconds, &parts)
        let date = unsafe [Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday)].map { padded($0, 2) }
        let clock = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), 2) }
        let fraction = padded(Int(milliseconds % 1000), 3)
        return date.joined(separator: "-") + "T" + clock.joined(separator: ":") + ".\(fraction)Z"
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
