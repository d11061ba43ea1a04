import Synchronization

/// A number that only grows; counting takes no lock.
public final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    public init() {}

    public func add(_ amount: Int = 1) { value.add(amount, ordering: .relaxed) }

    public var count: Int { value.load(ordering: .relaxed) }
}

/// How often values fell below each of some bounds; recording takes no lock.
public final class Histogram: Sendable {
    private let bounds: [Double]
    private let buckets: [Counter]
    private let sum = Atomic<Int>(0)

    /// `bounds`: in seconds, ascending; values above the last are counted too.
    public init(bounds: [Double]) {
        self.bounds = bounds
        buckets = (0...bounds.count).map { _ in Counter() }
    }

    public func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let value = Double(seconds) + Double(attoseconds) * 1e-18
        buckets[bounds.firstIndex { value <= $0 } ?? bounds.count].add()
        sum.add(Int(value * 1_000_000), ordering: .relaxed)
    }

    fileprivate func lines(_ name: String) -> [String] {
        var total = 0
        var lines: [String] = []
        for (bound, bucket) in zip(bounds.map(\.description) + ["+Inf"], buckets) {
            total += bucket.count
            lines.append("\(name)_bucket{le=\"\(bound)\"} \(total)")
        }
        return lines + [
            "\(name)_sum \(Double(sum.load(ordering: .relaxed)) / 1_000_000)", "\(name)_count \(total)",
        ]
    }
}

/// Builds the text that Prometheus reads (exposition format 0.0.4).
public struct MetricsText: Sendable {
    public private(set) var text = ""

    public init() {}

    /// `samples`: by label, written `name="value"`; an empty label for the one sample of a plain metric.
    public mutating func counter(_ name: String, _ help: String, _ samples: [(label: String, value: Int)]) {
        family(name, help, "counter", samples)
    }

    /// `samples`: as for ``counter(_:_:_:)``.
    public mutating func gauge(_ name: String, _ help: String, _ samples: [(label: String, value: Int)]) {
        family(name, help, "gauge", samples)
    }

    public mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) histogram\n"
        text += histogram.lines(name).joined(separator: "\n") + "\n"
    }

    private mutating func family(
        _ name: String, _ help: String, _ type: String, _ samples: [(label: String, value: Int)]
    ) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        for (label, value) in samples { text += label.isEmpty ? "\(name) \(value)\n" : "\(name){\(label)} \(value)\n" }
    }
}
