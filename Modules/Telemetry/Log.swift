public import Core
import Synchronization

/// The operator's log: one JSON object a line, with ids, counts, durations and codes, and never what anyone said.
///
/// A field takes no free text but ``Field/text(_:_:)``, for names that we made ourselves; what went wrong stands in
/// `detail`. Both are cut short, and what could move a terminal's cursor or text is spelled out. A caller never waits for
/// the reader of the log: lines go to a buffer of 1 MiB that a queue of its own writes out, and what does not fit is
/// counted and said.
public final class Log: Sendable {
    public enum Level: String, Sendable, CaseIterable, Comparable {
        case debug, info, warning, error

        fileprivate var rank: Int {
            switch self {
            case .debug: 0
            case .info: 1
            case .warning: 2
            case .error: 3
            }
        }

        public static func < (one: Level, other: Level) -> Bool { one.rank < other.rank }
    }

    /// One thing a line says; its name is in lower case with underscores, and no other field of the line has it.
    public enum Field: Sendable {
        case id(StaticString, any Identifier)
        case count(StaticString, Int)
        /// Written in milliseconds, under the name with `_ms` behind it.
        case duration(StaticString, Duration)
        case flag(StaticString, Bool)
        case code(StaticString, PlatformError.Code)
        /// A name of ours, such as a route's pattern or a provider's name, cut after 200 bytes; never what a user or a
        /// model said.
        case text(StaticString, String)
    }

    private let threshold: Atomic<Int>
    private let writer: LogWriter
    private let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - level: lines below it are left out.
    ///   - descriptor: where the lines go; standard error by default.
    public convenience init(level: Level = .info, descriptor: Int32 = 2) {
        self.init(level: level) { LogWriter.write($0, to: descriptor) }
    }

    /// - Parameters:
    ///   - level: lines below it are left out.
    ///   - now: the time of the lines.
    ///   - sink: takes whole lines of UTF-8, several at once, in order and never twice at a time; it may block.
    public init(
        level: Level = .info, now: @escaping @Sendable () -> Timestamp = { .now },
        sink: @escaping @Sendable ([UInt8]) -> Void
    ) {
        threshold = Atomic(level.rank)
        writer = LogWriter(into: sink) { Self.line(.error, "log_lines_dropped", [.count("count", $0)], nil, at: now()) }
        self.now = now
    }

    /// Lines below it are left out.
    public var level: Level {
        get { Level.allCases[threshold.load(ordering: .relaxed)] }
        set { threshold.store(newValue.rank, ordering: .relaxed) }
    }

    public func debug(_ event: StaticString, _ fields: [Field] = []) { write(.debug, event, fields, nil) }

    public func info(_ event: StaticString, _ fields: [Field] = []) { write(.info, event, fields, nil) }

    /// Of `detail`, the cause, stands what its `debugDescription` says, cut after 500 bytes.
    public func warning(_ event: StaticString, _ fields: [Field] = [], detail: (any Error)? = nil) {
        write(.warning, event, fields, detail)
    }

    /// Of `detail`, the cause, stands what its `debugDescription` says, cut after 500 bytes.
    public func error(_ event: StaticString, _ fields: [Field] = [], detail: (any Error)? = nil) {
        write(.error, event, fields, detail)
    }

    /// Waits until the lines so far are written out, though no longer than `limit`; to be called before the process ends.
    ///
    /// - Returns: whether they are.
    @discardableResult
    public func flush(within limit: Duration = .seconds(2)) -> Bool { writer.flush(within: limit) }

    private func write(_ level: Level, _ event: StaticString, _ fields: [Field], _ detail: (any Error)?) {
        guard level.rank >= threshold.load(ordering: .relaxed) else { return }
        writer.append(Self.line(level, event, fields, detail, at: now()))
    }
}

// MARK: Writing a line

extension Log {
    private static let maxDetailBytes = 500
    private static let maxTextBytes = 200

    private static func line(
        _ level: Level, _ event: StaticString, _ fields: [Field], _ detail: (any Error)?, at time: Timestamp
    ) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.name("time")
        json.value(time.description)
        json.name("level")
        json.value(level.rawValue)
        json.name("event")
        json.value(event.description)
        for field in fields { write(field, to: &json) }
        if let detail {
            json.name("detail")
            json.value(String(reflecting: detail).printable(within: maxDetailBytes))
        }
        json.endObject()
        json.raw("\n")
        return json.bytes
    }

    private static func write(_ field: Field, to json: inout JSONWriter) {
        switch field {
        case .id(let name, let value):
            json.name(name.description)
            json.value(value.text.printable(within: maxTextBytes))
        case .count(let name, let value):
            json.name(name.description)
            json.value(value)
        case .duration(let name, let value):
            json.name(name.description + "_ms")
            let (seconds, attoseconds) = value.components
            json.value(Double(seconds) * 1000 + Double(attoseconds / 1_000_000_000_000) / 1000)
        case .flag(let name, let value):
            json.name(name.description)
            json.value(value)
        case .code(let name, let value):
            json.name(name.description)
            json.value(value.rawValue)
        case .text(let name, let value):
            json.name(name.description)
            json.value(value.printable(within: maxTextBytes))
        }
    }
}

extension String {
    /// The text with what JSON would let through to a terminal spelled out, cut between two characters.
    ///
    /// JSON escapes the controls below U+0020 alone. Those above, which terminals obey too, the separators of lines and
    /// the marks that turn the direction of text (Unicode categories Cc, Cf, Zl, Zp) become `\u{9B}`.
    fileprivate func printable(within bytes: Int) -> String {
        if utf8.count <= bytes, utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return self }
        var printable = ""
        for scalar in unicodeScalars {
            var next = String(scalar)
            switch scalar.properties.generalCategory {
            case .control where scalar.value < 0x20: break
            case .control, .format, .lineSeparator, .paragraphSeparator:
                next = "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: break
            }
            guard printable.utf8.count + next.utf8.count <= bytes else { return printable + "…" }
            printable += next
        }
        return printable
    }
}
