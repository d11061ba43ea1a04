/// How often a loop that has much to write looks at its sockets, so that it finds work together.
///
/// Network cards call it interrupt moderation. To wake for one chunk of text costs more than the chunk: the processor
/// leaves its sleep, and what the loop needs has left the caches. With a thousand streams, half a millisecond of waiting
/// together takes a sixth off the processor time of each chunk, as `Scripts/bench` measured.
///
/// A loop that writes less often than it takes to gather answers at once. One with little time to spare finds enough
/// together anyway, and to let it sleep would cost throughput.
struct Moderation {
    /// Nanoseconds over which the loop is watched before it is decided anew.
    static let window: UInt64 = 10_000_000
    /// The longest period in nanoseconds: a fifth of the latency that a chunk may gain on its way.
    static let longest: UInt64 = 1_000_000
    /// Writes that are to come together.
    static let gathered: UInt64 = 10

    /// Nanoseconds from one look at the sockets to the next, of which the loop sleeps what it does not work; 0 for no sleep.
    private(set) var period: UInt64 = 0

    private var begun: UInt64 = 0
    private var idle: UInt64 = 0
    private var writes: UInt64 = 0

    /// A turn wrote to so many sockets.
    mutating func wrote(_ count: Int) { writes += UInt64(count) }

    /// The loop slept or waited from one time to the next; nanoseconds of a clock that only goes on.
    mutating func waited(from start: UInt64, to end: UInt64) {
        idle += end - start
        let passed = end - begun
        guard passed >= Self.window else { return }
        let hasTime = idle >= passed / 4
        // Where not half as many come together in the longest period, there is little to be gained.
        let areMany = writes * Self.longest >= passed * Self.gathered / 2
        period = hasTime && areMany ? min(passed * Self.gathered / writes, Self.longest) : 0
        begun = end
        idle = 0
        writes = 0
    }
}
