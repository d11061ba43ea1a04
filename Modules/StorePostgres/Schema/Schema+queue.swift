extension Schema {
    /// Jobs and dead letters.
    ///
    /// The table of jobs is narrow and its rows are gone when they are done: dead rows slow a queue down, so that they are
    /// cleared away early and without pauses, and updates find room on their page. Time is the server's; a job without
    /// `run_at` is due at once.
    static let queue = """
        CREATE TABLE medstream.job (
          id uuid PRIMARY KEY,
          kind text NOT NULL,
          unique_key text NOT NULL,
          group_key text,
          priority smallint NOT NULL,
          state smallint NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),
          attempt integer NOT NULL DEFAULT 0,
          deliveries integer NOT NULL DEFAULT 0,
          backoff_ms bigint NOT NULL DEFAULT 0,
          number bigint GENERATED ALWAYS AS IDENTITY,
          created_at timestamptz NOT NULL DEFAULT now(),
          waits_since timestamptz,
          run_at timestamptz,
          leased_at timestamptz,
          lease_until timestamptz,
          lease_token text,
          worker uuid,
          failures text,
          payload bytea NOT NULL,
          key bigint NOT NULL,
          CONSTRAINT job_unique UNIQUE (unique_key)
        ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
          autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);
        ALTER TABLE medstream.job ALTER COLUMN payload SET STORAGE EXTERNAL;
        CREATE INDEX job_due ON medstream.job (kind, priority, run_at, number) WHERE state = 0;
        CREATE INDEX job_leased ON medstream.job (lease_token) WHERE state = 1;
        CREATE INDEX job_group ON medstream.job (group_key, kind, number) WHERE group_key IS NOT NULL;
        CREATE INDEX job_waiting ON medstream.job (waits_since) WHERE run_at IS NOT NULL;
        CREATE INDEX job_key ON medstream.job (key);

        CREATE TABLE medstream.job_dead (
          id uuid PRIMARY KEY,
          kind text NOT NULL,
          unique_key text NOT NULL,
          group_key text,
          priority smallint NOT NULL,
          attempt integer NOT NULL,
          deliveries integer NOT NULL,
          created_at timestamptz NOT NULL,
          died_at timestamptz NOT NULL DEFAULT now(),
          failures text,
          payload bytea NOT NULL,
          key bigint NOT NULL
        );
        ALTER TABLE medstream.job_dead ALTER COLUMN payload SET STORAGE EXTERNAL;
        CREATE INDEX job_dead_kind ON medstream.job_dead (kind, id);
        CREATE INDEX job_dead_group ON medstream.job_dead (group_key) WHERE group_key IS NOT NULL;
        CREATE INDEX job_dead_key ON medstream.job_dead (key);

        CREATE TABLE medstream.job_audit (
          number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          at timestamptz NOT NULL DEFAULT now(),
          actor text NOT NULL,
          action text NOT NULL,
          job uuid NOT NULL,
          kind text NOT NULL
        );

        DO $$
        DECLARE
          named text;
        BEGIN
          FOREACH named IN ARRAY ARRAY['job', 'job_dead', 'job_audit'] LOOP
            EXECUTE format('ALTER TABLE medstream.%I ENABLE ROW LEVEL SECURITY', named);
            EXECUTE format('ALTER TABLE medstream.%I FORCE ROW LEVEL SECURITY', named);
            EXECUTE format(
              'CREATE POLICY operator ON medstream.%I USING ((SELECT medstream.operates()))
                WITH CHECK ((SELECT medstream.operates()))', named);
          END LOOP;
        END $$;
        -- A user's transaction adds jobs about that user, or about nobody, and sees none.
        CREATE POLICY owner ON medstream.job FOR INSERT
          WITH CHECK (group_key IS NULL OR group_key = (SELECT medstream.caller())::text);

        -- Whether the process that a row names still runs: it holds its advisory lock, or, where a pooler lets nobody hold
        -- one, was heard of not long ago. After a start of the server its clients need a moment to come back.
        CREATE FUNCTION medstream.is_alive(process uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
          SELECT EXISTS (
            SELECT FROM medstream.node n WHERE n.id = process AND CASE WHEN n.holds_lock THEN
              now() < pg_postmaster_start_time() + interval '5 seconds'
              OR EXISTS (
                SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
                  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND l.classid::bigint = n.lock_key >> 32 AND l.objid::bigint = n.lock_key & 4294967295)
            ELSE n.seen_at > now() - interval '30 seconds' END)
        $$;
        """
}
