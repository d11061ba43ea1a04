import Synchronization

/// All that a process counts, and the page of it that Prometheus reads (text exposition format 0.0.4).
///
/// Made and filled at start-up. A name is lower case with underscores, and that of a counter ends in `_total`; a wrong
/// or repeated one stops the process, since it is a mistake in the code. What stands behind a name is bounded: labels
/// come from an enumeration, or are cut to ``maxLabels``.
public final class Metrics: Sendable {
    /// Samples of one family that is read from elsewhere; those beyond are summed up as `other`.
    public static let maxLabels = 100

    public typealias Sample = (label: String, value: Int)

    private struct Family {
        var name: String
        var help: String
        var kind: String
        var lines: @Sendable () -> [String]
    }

    private let families = Mutex<[Family]>([])

    public init() {}

    // MARK: Counted here

    public func counter(_ name: StaticString, _ help: StaticString) -> Counter {
        let counter = Counter()
        self.counter(name, help) { counter.count }
        return counter
    }

    /// `label` says what the cases of `Label` are, such as `outcome`.
    public func counter<Label>(
        _ name: StaticString, _ help: StaticString, by label: StaticString, _: Label.Type = Label.self
    ) -> LabelledCounter<Label> {
        let counter = LabelledCounter<Label>()
        self.counter(name, help, by: label) { Label.allCases.map { ($0.rawValue, counter.count(of: $0)) } }
        return counter
    }

    public func gauge(_ name: StaticString, _ help: StaticString) -> Gauge {
        let gauge = Gauge()
        self.gauge(name, help) { gauge.value }
        return gauge
    }

    /// `bounds` are in seconds.
    public func histogram(_ name: StaticString, _ help: StaticString, bounds: [Double]) -> Histogram {
        let histogram = Histogram(bounds: bounds)
        let name = name.description
        add(name, help, "histogram") {
            let counts = histogram.cumulativeCounts
            let bounds = histogram.bounds.map(\.description) + ["+Inf"]
            return zip(bounds, counts).map { "\(name)_bucket{le=\"\($0)\"} \($1)" }
                + ["\(name)_sum \(histogram.sumInSeconds)", "\(name)_count \(counts.last ?? 0)"]
        }
        return histogram
    }

    // MARK: Read from elsewhere: for each page, on the thread that asks for it

    public func counter(_ name: StaticString, _ help: StaticString, read: @escaping @Sendable () -> Int) {
        checkTotal(name)
        add(name.description, help, "counter") { ["\(name) \(read())"] }
    }

    /// `label` says what distinguishes the samples, such as `loop`.
    public func counter(
        _ name: StaticString, _ help: StaticString, by label: StaticString, read: @escaping @Sendable () -> [Sample]
    ) {
        checkTotal(name)
        add(name.description, help, "counter") { Self.lines(name, label, read()) }
    }

    public func gauge(_ name: StaticString, _ help: StaticString, read: @escaping @Sendable () -> Int) {
        add(name.description, help, "gauge") { ["\(name) \(read())"] }
    }

    /// `label` says what distinguishes the samples, such as `loop`.
    public func gauge(
        _ name: StaticString, _ help: StaticString, by label: StaticString, read: @escaping @Sendable () -> [Sample]
    ) {
        add(name.description, help, "gauge") { Self.lines(name, label, read()) }
    }

    // MARK: The page

    /// Every family in the order it was added in.
    public var text: String {
        families.withLock { $0 }.map { family in
            let head = ["# HELP \(family.name) \(family.help)", "# TYPE \(family.name) \(family.kind)"]
            return (head + family.lines()).joined(separator: "\n") + "\n"
        }.joined()
    }

    /// The media type of ``text``.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private func add(
        _ name: String, _ help: StaticString, _ kind: String, _ lines: @escaping @Sendable () -> [String]
    ) {
        precondition(
            name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
                && name.utf8.first.map { (0x61...0x7A).contains($0) } == true, "'\(name)' is no name of a metric")
        families.withLock { families in
            precondition(!families.contains { $0.name == name }, "there are two metrics called '\(name)'")
            families.append(Family(name: name, help: escaped(help.description), kind: kind, lines: lines))
        }
    }

    private func checkTotal(_ name: StaticString) {
        precondition(name.description.hasSuffix("_total"), "the name of the counter '\(name)' does not end in _total")
    }

    private static func lines(_ name: StaticString, _ label: StaticString, _ samples: [Sample]) -> [String] {
        let rest = samples.dropFirst(maxLabels)
        let bounded = samples.prefix(maxLabels) + (rest.isEmpty ? [] : [("other", rest.reduce(0) { $0 + $1.value })])
        return bounded.map { "\(name){\(label)=\"\(escaped($0.label).replacing("\"", with: "\\\""))\"} \($0.value)" }
    }
}

/// What a page of metrics says in its own way, in help and labels alike.
private func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
}
