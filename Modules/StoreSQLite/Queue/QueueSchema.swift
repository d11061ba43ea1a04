package import SQLite

/// The tables of a queue, as they are in the store's file and in a spool's.
package enum QueueSchema {
    /// Makes them in an empty database, or leaves those there are.
    ///
    /// `run_at` is 0 for a job that is due at once, so that no clock holds it up; `waits_since` tells when a delay was
    /// given, and thereby whether the wall clock was set back since: it is 0 for one that has no delay and was never taken.
    /// A lease is a row of its own: a heartbeat writes one row however many jobs it covers. Payloads stand last, so that
    /// looking for jobs does not read them. No index has all jobs by their group, since each of a long queue would lie on a
    /// page of its own; one that was never taken is found in the order of the places.
    package static let tables: SQL = """
        CREATE TABLE IF NOT EXISTS job(
            place INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            unique_key TEXT UNIQUE,
            group_key TEXT,
            priority INTEGER NOT NULL CHECK (priority IN (0, 1, 2)),
            run_at INTEGER NOT NULL,
            waits_since INTEGER NOT NULL,
            lease TEXT,
            attempt INTEGER NOT NULL DEFAULT 0,
            deliveries INTEGER NOT NULL DEFAULT 0,
            backoff_ms INTEGER NOT NULL DEFAULT 0,
            failures TEXT NOT NULL DEFAULT '',
            created_at INTEGER NOT NULL,
            key INTEGER NOT NULL,
            payload BLOB NOT NULL) STRICT;
        CREATE INDEX IF NOT EXISTS job_due
            ON job(kind, priority, run_at, place, deliveries, group_key, lease) WHERE lease IS NULL;
        CREATE INDEX IF NOT EXISTS job_waiting ON job(waits_since) WHERE lease IS NULL AND run_at > 0;
        CREATE INDEX IF NOT EXISTS job_leased ON job(lease) WHERE lease IS NOT NULL;
        DROP INDEX IF EXISTS job_group;
        CREATE INDEX IF NOT EXISTS job_held ON job(group_key, kind, place)
            WHERE group_key IS NOT NULL AND waits_since > 0;
        CREATE TABLE IF NOT EXISTS job_lease(
            token TEXT PRIMARY KEY NOT NULL,
            worker TEXT NOT NULL,
            boot TEXT NOT NULL,
            until INTEGER NOT NULL,
            taken_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS job_dead(
            id TEXT PRIMARY KEY NOT NULL,
            kind TEXT NOT NULL,
            unique_key TEXT,
            group_key TEXT,
            priority INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            deliveries INTEGER NOT NULL,
            failures TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            died_at INTEGER NOT NULL,
            key INTEGER NOT NULL,
            payload BLOB NOT NULL) STRICT;
        CREATE INDEX IF NOT EXISTS job_dead_kind ON job_dead(kind, id);
        CREATE INDEX IF NOT EXISTS job_dead_key ON job_dead(unique_key) WHERE unique_key IS NOT NULL;
        CREATE TABLE IF NOT EXISTS job_audit(
            place INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            job TEXT NOT NULL,
            kind TEXT NOT NULL) STRICT;
        """
}
