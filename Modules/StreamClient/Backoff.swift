/// Waits between attempts that double on average, each random from nothing to its limit (full jitter), so that the
/// clients of a restarted server do not all return at once.
public struct Backoff: Sendable, Hashable {
    /// The limit of the first wait.
    public var base: Duration
    /// The limit of any wait.
    public var ceiling: Duration
    /// Attempts in a row after which there is no hope.
    public var maxAttempts: Int
    /// The longest wait that a server may ask for; past it there is no hope either.
    public var patience = Duration.seconds(30)
    /// Attempts since the last success.
    public private(set) var attempts = 0

    public init(base: Duration, ceiling: Duration, maxAttempts: Int) {
        self.base = base
        self.ceiling = ceiling
        self.maxAttempts = maxAttempts
    }

    /// For calls that somebody waits for: gives up within about two seconds.
    public static let call = Backoff(base: .milliseconds(250), ceiling: .seconds(2), maxAttempts: 4)

    /// For a stream that was cut: outlasts a server's restart, about half a minute on average.
    public static let stream = Backoff(base: .milliseconds(500), ceiling: .seconds(10), maxAttempts: 10)

    /// An attempt failed; `floor` is what the server asked to wait at least.
    ///
    /// - Returns: how long to wait before the next one; `nil` when it was the last.
    public mutating func failed(
        floor: Duration = .zero, using random: inout some RandomNumberGenerator
    ) -> Duration? {
        attempts += 1
        guard attempts < maxAttempts, floor <= patience else { return nil }
        var limit = min(base, ceiling)
        for _ in 1..<attempts where limit < ceiling { limit = min(limit * 2, ceiling) }
        return floor + limit * Double.random(in: 0...1, using: &random)
    }

    public mutating func succeeded() { attempts = 0 }
}
