public import Core
import Glibc

/// What a queue reads the time from.
public struct QueueClock: Sendable {
    /// The wall clock: for delays, and for people.
    public let wall: @Sendable () -> Timestamp
    /// Time since the machine's start, also while it slept: for leases, since nobody sets it.
    public let sinceBoot: @Sendable () -> Duration
    /// Another one after each start of the machine, which ends all leases from before.
    public let bootID: String

    public init(
        wall: @escaping @Sendable () -> Timestamp, sinceBoot: @escaping @Sendable () -> Duration, bootID: String
    ) {
        self.wall = wall
        self.sinceBoot = sinceBoot
        self.bootID = bootID
    }

    /// The machine's clocks: `CLOCK_REALTIME`, `CLOCK_BOOTTIME`, and the boot id that the kernel tells.
    public static let system = QueueClock(wall: { .now }, sinceBoot: { sinceBoot }, bootID: readBootID())

    private static var sinceBoot: Duration {
        var time = timespec()
        unsafe _ = clock_gettime(CLOCK_BOOTTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// - Returns: `unknown` where there is no such file; leases then end by their time alone.
    private static func readBootID() -> String {
        let file = unsafe open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "unknown" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
        let text = String(decoding: bytes.prefix(max(0, count)).prefix { $0 > 0x20 }, as: UTF8.self)
        return text.isEmpty ? "unknown" : text
    }
}
