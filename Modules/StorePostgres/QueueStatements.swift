/// The queue's SQL, where it is longer than a line.
enum QueueStatements {
    /// Jobs of kind `$1` that are due, at most `$2` of each priority: those that waited for their time, then the others.
    ///
    /// Looked for priority by priority, so that jobs that are not due yet are never read; what another worker is just
    /// leasing is passed over. Of a kind that keeps its groups' order, as `$3` tells, one behind a job that is delayed or leased is left out
    /// here, so that a user with many such jobs keeps nobody else from being found.
    static let due = """
        SELECT id, number, deliveries::bigint, group_key,
            CASE WHEN NOT $3 OR group_key IS NULL THEN 0 ELSE (SELECT count(*) FROM medstream.job e
              WHERE e.group_key = found.group_key AND e.kind = $1 AND e.number < found.number) END
          FROM (
            (SELECT job.* FROM (VALUES (0), (1), (2)) levels(level) CROSS JOIN LATERAL (
              SELECT id, number, deliveries, group_key, priority, run_at FROM medstream.job j
               WHERE state = 0 AND kind = $1 AND priority = level AND run_at <= now() AND \(isFree)
               ORDER BY run_at, number LIMIT $2 FOR UPDATE SKIP LOCKED) job)
            UNION ALL
            (SELECT job.* FROM (VALUES (0), (1), (2)) levels(level) CROSS JOIN LATERAL (
              SELECT id, number, deliveries, group_key, priority, run_at FROM medstream.job j
               WHERE state = 0 AND kind = $1 AND priority = level AND run_at IS NULL AND \(isFree)
               ORDER BY number LIMIT $2 FOR UPDATE SKIP LOCKED) job)
          ) found ORDER BY priority, run_at, number
        """

    private static let isFree = """
        (NOT $3 OR group_key IS NULL OR NOT EXISTS (SELECT FROM medstream.job e
          WHERE e.group_key = j.group_key AND e.kind = j.kind AND e.number < j.number
            AND (e.state = 1 OR e.run_at > now())))
        """

    /// Gives jobs `$4`, in their order, to worker `$2` under token `$1` for `$3` milliseconds.
    static let take: StaticString = """
        WITH taken AS (
          UPDATE medstream.job j SET state = 1, deliveries = deliveries + 1, lease_token = $1, worker = $2,
              leased_at = now(), lease_until = now() + $3 * interval '1 millisecond', run_at = NULL, waits_since = NULL
            FROM unnest($4) WITH ORDINALITY AS wanted(name, place) WHERE id = name
          RETURNING place, id, unique_key, group_key, attempt::bigint, deliveries::bigint, backoff_ms,
            (extract(epoch FROM created_at) * 1000)::bigint, payload)
        SELECT id, unique_key, group_key, attempt, deliveries, backoff_ms, int8, payload FROM taken ORDER BY place
        """

    /// Settles jobs `$1` by the tokens `$2`: 0 is done, 1 is given back, 2 waits `$4` milliseconds, 3 is dead; `$5` is why.
    ///
    /// A row that has another token, or none, is not touched and not answered.
    static let settle: StaticString = """
        WITH said AS (
            SELECT * FROM unnest($1, $2, $3, $4, $5) AS t(id, token, verdict, wait, reason)),
          finished AS (
            DELETE FROM medstream.job j USING said s
             WHERE j.id = s.id AND j.state = 1 AND j.lease_token = s.token AND s.verdict = 0 RETURNING j.id),
          ended AS (
            DELETE FROM medstream.job j USING said s
             WHERE j.id = s.id AND j.state = 1 AND j.lease_token = s.token AND s.verdict = 3
            RETURNING j.*, s.reason),
          buried AS (
            INSERT INTO medstream.job_dead
              (id, kind, unique_key, group_key, priority, attempt, deliveries, created_at, failures, payload, key)
            SELECT id, kind, unique_key, group_key, priority, attempt + 1, deliveries, created_at,
              concat(failures, (extract(epoch FROM now()) * 1000)::bigint, ' ', reason, E'\\n'), payload, key FROM ended),
          freed AS (
            UPDATE medstream.job j SET state = 0, lease_token = NULL, lease_until = NULL, leased_at = NULL, worker = NULL,
                deliveries = CASE WHEN s.verdict = 1 THEN deliveries - 1 ELSE 0 END,
                attempt = attempt + CASE WHEN s.verdict = 2 THEN 1 ELSE 0 END,
                backoff_ms = CASE WHEN s.verdict = 2 THEN s.wait ELSE backoff_ms END,
                waits_since = CASE WHEN s.verdict = 2 THEN now() END,
                run_at = CASE WHEN s.verdict = 2 THEN now() + s.wait * interval '1 millisecond' END,
                failures = CASE WHEN s.verdict = 2 THEN
                  concat(failures, (extract(epoch FROM now()) * 1000)::bigint, ' ', s.reason, E'\\n') ELSE failures END
              FROM said s
             WHERE j.id = s.id AND j.state = 1 AND j.lease_token = s.token AND s.verdict IN (1, 2) RETURNING j.id)
        SELECT id FROM finished UNION ALL SELECT id FROM ended UNION ALL SELECT id FROM freed
        """

    /// Frees what nobody holds any more; what was leased `$1` times without an end is dead.
    static let reclaim: StaticString = """
        WITH gone AS MATERIALIZED (
            SELECT worker FROM (SELECT DISTINCT worker FROM medstream.job WHERE state = 1) workers
             WHERE NOT medstream.is_alive(worker)),
          ended AS (
            SELECT id, deliveries FROM medstream.job
             WHERE state = 1 AND (lease_until < now() OR worker IN (SELECT worker FROM gone))
               FOR UPDATE SKIP LOCKED),
          looped AS (
            DELETE FROM medstream.job j USING ended e WHERE j.id = e.id AND e.deliveries >= $1 RETURNING j.*),
          buried AS (
            INSERT INTO medstream.job_dead
              (id, kind, unique_key, group_key, priority, attempt, deliveries, created_at, failures, payload, key)
            SELECT id, kind, unique_key, group_key, priority, attempt, deliveries, created_at,
              concat(failures, (extract(epoch FROM now()) * 1000)::bigint, ' crash_loop', E'\\n'), payload, key
              FROM looped),
          freed AS (
            UPDATE medstream.job j SET state = 0, lease_token = NULL, lease_until = NULL, leased_at = NULL, worker = NULL
              FROM ended e WHERE j.id = e.id AND e.deliveries < $1 RETURNING 1)
        SELECT (SELECT count(*) FROM freed), (SELECT count(*) FROM looped)
        """

    /// Makes due what waits since a moment that is still to come: the server's clock was set back.
    static let freeWhatClockHolds: StaticString = """
        UPDATE medstream.job SET run_at = now(), waits_since = now()
         WHERE run_at IS NOT NULL AND waits_since > now() + interval '5 seconds'
        """
}
