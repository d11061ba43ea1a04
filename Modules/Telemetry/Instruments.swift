import Synchronization

/// A number that only grows; counting takes no lock.
public final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    public init() {}

    /// Counts so many more; a negative amount is ignored.
    public func add(_ amount: Int = 1) {
        guard amount > 0 else { return }
        value.add(amount, ordering: .relaxed)
    }

    public var count: Int { value.load(ordering: .relaxed) }
}

/// A counter for each of a closed set of labels; counting takes no lock.
public final class LabelledCounter<Label>: Sendable
where Label: CaseIterable & Hashable & Sendable & RawRepresentable<String> {
    private let counters = Dictionary(uniqueKeysWithValues: Set(Label.allCases).map { ($0, Counter()) })

    public init() {}

    public func add(_ amount: Int = 1, to label: Label) { counters[label]?.add(amount) }

    public func count(of label: Label) -> Int { counters[label]?.count ?? 0 }
}

/// A number that rises and falls; setting takes no lock.
public final class Gauge: Sendable {
    private let current = Atomic<Int>(0)

    public init() {}

    public func set(_ value: Int) { current.store(value, ordering: .relaxed) }

    /// Lets the number rise, or fall by a negative amount.
    public func add(_ amount: Int) { current.add(amount, ordering: .relaxed) }

    public var value: Int { current.load(ordering: .relaxed) }
}

/// How often durations fell below each of some bounds; recording takes no lock.
public final class Histogram: Sendable {
    let bounds: [Double]
    private let buckets: [Counter]
    /// In microseconds.
    private let sum = Counter()

    /// Counts below each of `bounds`, in seconds; values above the highest are counted too.
    public init(bounds: [Double]) {
        self.bounds = Set(bounds.filter(\.isFinite)).sorted()
        buckets = (0...self.bounds.count).map { _ in Counter() }
    }

    /// Counts one duration; less than nothing counts as nothing, as when a clock was set back.
    public func record(_ duration: Duration) {
        let (seconds, attoseconds) = max(duration, .zero).components
        let value = Double(seconds) + Double(attoseconds) * 1e-18
        buckets[bounds.firstIndex { value <= $0 } ?? bounds.count].add()
        sum.add(Int(min(value * 1_000_000, 1e15)))
    }

    /// Of each bound in turn, then of no bound, how many values did not pass it.
    var cumulativeCounts: [Int] {
        var total = 0
        return buckets.map { bucket in
            total += bucket.count
            return total
        }
    }

    var sumInSeconds: Double { Double(sum.count) / 1_000_000 }
}
