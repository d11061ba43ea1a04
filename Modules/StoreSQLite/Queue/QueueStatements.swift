package import SQLite

/// The statements that a worker runs all the time; each finds its rows by an index, however long the queue is.
package enum QueueStatements {
    static let anyDue: SQL = """
        SELECT 1 FROM job INDEXED BY job_due
        WHERE lease IS NULL AND kind = ? AND priority IN (0, 1, 2) AND run_at <= ? LIMIT 1
        """
    /// Of one kind and priority, those that waited for their time.
    static let waited: SQL = """
        SELECT place, deliveries, group_key FROM job INDEXED BY job_due
        WHERE lease IS NULL AND kind = ? AND priority = ? AND run_at > 0 AND run_at <= ? ORDER BY run_at, place
        """
    /// Those that did not have to.
    static let atOnce: SQL = """
        SELECT place, deliveries, group_key FROM job INDEXED BY job_due
        WHERE lease IS NULL AND kind = ? AND priority = ? AND run_at = 0 ORDER BY place
        """
    /// Whether a job of a group between two places is being worked on, or was and is to be tried again.
    ///
    /// Those that were never taken need not be looked for: they are gone through in the order of their places, and before
    /// one is taken all before it were.
    static let isHeldUp: SQL = """
        SELECT 1 FROM job INDEXED BY job_held
        WHERE group_key = ? AND group_key IS NOT NULL AND waits_since > 0 AND kind = ? AND place > ? AND place < ? LIMIT 1
        """
    static let taking: SQL = """
        UPDATE job SET lease = ?, deliveries = deliveries + 1, run_at = 0, waits_since = 1 WHERE place = ?
        RETURNING id, unique_key, group_key, attempt, deliveries, backoff_ms, created_at, payload
        """

    // MARK: Leases

    static let openLease: SQL = "INSERT INTO job_lease(token, worker, boot, until, taken_at) VALUES (?, ?, ?, ?, ?)"
    static let extend: SQL = "UPDATE job_lease SET until = ? WHERE token = ?"
    static let leaseUntil: SQL = "SELECT 1 FROM job_lease WHERE token = ? AND until = ?"
    static let closeLease: SQL = "DELETE FROM job_lease WHERE token = ?"
    static let emptyLease: SQL = """
        DELETE FROM job_lease WHERE token = ?
        AND NOT EXISTS (SELECT 1 FROM job INDEXED BY job_leased WHERE lease = ? AND lease IS NOT NULL)
        """
    /// All of them: as many as workers have batches in hand.
    static let leases: SQL = "SELECT token, worker, boot, until FROM job_lease"

    // MARK: Settling

    static let finish: SQL = "DELETE FROM job WHERE id = ? AND lease = ?"
    static let giveBack: SQL = "UPDATE job SET lease = NULL, deliveries = deliveries - 1 WHERE id = ? AND lease = ?"
    static let retry: SQL = """
        UPDATE job SET lease = NULL, attempt = attempt + 1, deliveries = 0, backoff_ms = ?, run_at = ?, waits_since = ?,
            failures = failures || ? WHERE id = ? AND lease = ?
        """
    static let bury: SQL = """
        INSERT INTO job_dead(id, kind, unique_key, group_key, priority, attempt, deliveries, failures, created_at,
            died_at, key, payload)
        SELECT id, kind, unique_key, group_key, priority, attempt + 1, deliveries, failures || ?, created_at, ?, key,
            payload FROM job WHERE id = ? AND lease = ?
        """

    // MARK: Reclaiming

    static let free: SQL = "UPDATE job INDEXED BY job_leased SET lease = NULL WHERE lease = ? AND lease IS NOT NULL"
    static let buryCrashLoops: SQL = """
        INSERT INTO job_dead(id, kind, unique_key, group_key, priority, attempt, deliveries, failures, created_at,
            died_at, key, payload)
        SELECT id, kind, unique_key, group_key, priority, attempt, deliveries, failures || ?, created_at, ?, key,
            payload FROM job INDEXED BY job_leased WHERE lease = ? AND lease IS NOT NULL AND deliveries >= ?
        """
    static let removeCrashLoops: SQL = """
        DELETE FROM job INDEXED BY job_leased WHERE lease = ? AND lease IS NOT NULL AND deliveries >= ?
        """
    static let heldByClock: SQL = """
        SELECT 1 FROM job INDEXED BY job_waiting WHERE lease IS NULL AND run_at > 0 AND waits_since > ? LIMIT 1
        """
    static let freeWhatClockHolds: SQL = """
        UPDATE job INDEXED BY job_waiting SET run_at = ?, waits_since = ?
        WHERE lease IS NULL AND run_at > 0 AND waits_since > ?
        """

    /// Those that look into the table of jobs, for a test to ask how they would be run.
    package static let onJobs: [SQL] = [
        anyDue, waited, atOnce, isHeldUp, taking, emptyLease, finish, giveBack, retry, bury, free, buryCrashLoops,
        removeCrashLoops, heldByClock, freeWhatClockHolds,
    ]
}
