import Persistence

/// The leases a worker holds, when they end, and which of their jobs are not settled yet.
///
/// Times count from any fixed moment on a clock that never goes back.
struct LeaseBook: Sendable {
    private struct Entry: Sendable {
        var jobs: Set<JobID>
        var end: Duration
    }

    private var entries: [LeaseToken: Entry] = [:]

    /// The leases that hold a job.
    var tokens: [LeaseToken] { Array(entries.keys) }

    /// Jobs that are held.
    var count: Int { entries.values.reduce(0) { $0 + $1.jobs.count } }

    /// Enters a lease that was asked for at `start`, before which it cannot have begun.
    mutating func take(_ lease: Lease, for duration: Duration, from start: Duration) {
        entries[lease.token] = Entry(jobs: Set(lease.jobs.map(\.id)), end: start + duration)
    }

    func holds(_ token: LeaseToken) -> Bool { entries[token] != nil }

    /// Takes settled jobs out, and leases without jobs with them.
    mutating func settle(_ settlements: [Settlement]) {
        for settlement in settlements {
            entries[settlement.token]?.jobs.remove(settlement.job)
            if entries[settlement.token]?.jobs.isEmpty == true { entries[settlement.token] = nil }
        }
    }

    /// Takes note of what the queue says after `asked` were to be extended.
    ///
    /// - Returns: the leases that are lost.
    mutating func extend(
        _ asked: [LeaseToken], held: Set<LeaseToken>, for duration: Duration, from start: Duration
    ) -> [LeaseToken] {
        for token in asked where held.contains(token) { entries[token]?.end = start + duration }
        let lost = asked.filter { entries[$0] != nil && !held.contains($0) }
        for token in lost { entries[token] = nil }
        return lost
    }

    /// Takes out what has ended without being extended, as when the queue could not be reached.
    ///
    /// - Returns: the leases that are lost.
    mutating func expire(at now: Duration) -> [LeaseToken] {
        let lost = entries.filter { $0.value.end <= now }.map(\.key)
        for token in lost { entries[token] = nil }
        return lost
    }

    /// Takes everything out, as when the worker must join anew.
    mutating func clear() -> [LeaseToken] {
        defer { entries = [:] }
        return tokens
    }

    /// Settlements that give back all that is held.
    var returns: [Settlement] {
        entries.flatMap { token, entry in entry.jobs.map { Settlement($0, token, .giveBack) } }
    }
}
