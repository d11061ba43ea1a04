public import Persistence

/// What becomes of a job that failed by itself, and not by an outage.
public struct RetryRules: Sendable, Hashable {
    /// Failures before it becomes a dead letter.
    public var maxAttempts = JobRules.maxAttempts
    /// The same, for failures that time does not heal.
    public var maxHopelessAttempts = JobRules.maxHopelessAttempts
    public var shortestBackoff = Duration.seconds(1)
    public var longestBackoff = JobRules.longestBackoff

    public init() {}

    /// The verdict over a job that just failed.
    ///
    /// Waits are decorrelated: each is drawn between the shortest and three times the one before, so that jobs which
    /// failed together do not come back together.
    public func verdict(
        on job: LeasedJob, because reason: FailureReason, canHeal: Bool, using random: inout some RandomNumberGenerator
    ) -> Settlement.Verdict {
        guard job.attempt + 1 < (canHeal ? maxAttempts : maxHopelessAttempts) else { return .bury(because: reason) }
        let top = max(shortestBackoff, job.backoff) * 3
        let wait = min(longestBackoff, Duration.random(in: shortestBackoff...top, using: &random))
        return .retry(after: wait, because: reason)
    }
}
