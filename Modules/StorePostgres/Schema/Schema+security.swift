extension Schema {
    /// Who may see which row.
    ///
    /// A transaction says in whose name it is: `medstream.user` is the caller, `medstream.operator` is `on` for care that
    /// concerns all. The role `medstream_app` never operates, whatever it claims. Where the server lets us make no roles the
    /// owner of the tables is bound as well, by FORCE, and claims alone tell the two apart.
    ///
    /// Functions in a policy stand in a `SELECT` of their own, so that they are asked once a statement and not once a row;
    /// ``claims`` takes that back where a user's rows are compared.
    static let security = """
        CREATE FUNCTION medstream.caller() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
          AS $$ SELECT nullif(current_setting('medstream.user', true), '')::uuid $$;
        CREATE FUNCTION medstream.operates() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
          AS $$ SELECT coalesce(current_setting('medstream.operator', true) = 'on', false)
                  AND current_user <> 'medstream_app' $$;

        -- Whether a name that a user's row is to have is that of another user's, which the user's transaction cannot see.
        CREATE FUNCTION medstream.is_anothers(thread uuid, said uuid, run text) RETURNS boolean
          LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
          DECLARE
            self uuid := medstream.caller();
            answer boolean;
          BEGIN
            PERFORM set_config('medstream.operator', 'on', true);
            answer := EXISTS (SELECT FROM medstream.conversation WHERE id = thread AND owner <> self)
              OR EXISTS (SELECT FROM medstream.message WHERE id = said AND owner <> self)
              OR EXISTS (SELECT FROM medstream.message WHERE stream = run AND owner <> self);
            PERFORM set_config('medstream.operator', '', true);
            RETURN answer;
          END $$;

        DO $$
        DECLARE
          named record;
        BEGIN
          FOR named IN SELECT * FROM (VALUES
            ('account', 'id'), ('onboarding', 'owner'), ('conversation', 'owner'), ('message', 'owner'),
            ('idempotency_key', 'owner'), ('case_file', 'owner'), ('stage_result', 'owner')) AS t(name, owner)
          LOOP
            EXECUTE format('ALTER TABLE medstream.%I ENABLE ROW LEVEL SECURITY', named.name);
            EXECUTE format('ALTER TABLE medstream.%I FORCE ROW LEVEL SECURITY', named.name);
            EXECUTE format(
              'CREATE POLICY owner ON medstream.%I USING (%I = (SELECT medstream.caller()))
                WITH CHECK (%I = (SELECT medstream.caller()))', named.name, named.owner, named.owner);
            EXECUTE format(
              'CREATE POLICY operator ON medstream.%I USING ((SELECT medstream.operates()))
                WITH CHECK ((SELECT medstream.operates()))', named.name);
          END LOOP;
          FOR named IN SELECT * FROM (VALUES ('meta'), ('node'), ('migration')) AS t(name) LOOP
            EXECUTE format('ALTER TABLE medstream.%I ENABLE ROW LEVEL SECURITY', named.name);
            EXECUTE format('ALTER TABLE medstream.%I FORCE ROW LEVEL SECURITY', named.name);
            EXECUTE format('CREATE POLICY reading ON medstream.%I FOR SELECT USING (true)', named.name);
            EXECUTE format(
              'CREATE POLICY operator ON medstream.%I USING ((SELECT medstream.operates()))
                WITH CHECK ((SELECT medstream.operates()))', named.name);
          END LOOP;
        END $$;
        """

    /// Makes the two roles, where that is allowed, and lets them at the tables; done after each migration.
    ///
    /// Each policy is then for the role that it is about: one alone leaves the planner the index, where a row that is the
    /// user's or anybody's for an operator leaves it a guess. The owner of the tables, bound by all, must inherit both for
    /// that; else they stay for everyone, which is as safe and slower.
    ///
    /// Roles belong to all databases of a server, so that others may be making them at this very moment. From PostgreSQL 16
    /// on whoever makes a role is a member of it at once, and may grant it, but not take it.
    static let roles = """
        DO $$
        DECLARE
          taking text := CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END;
          role text;
          policy record;
        BEGIN
          FOREACH role IN ARRAY ARRAY['medstream_app', 'medstream_operator'] LOOP
            BEGIN
              IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', role);
              END IF;
            EXCEPTION
              WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
            END;
            BEGIN
              IF NOT pg_has_role(current_user, role, taking) THEN
                EXECUTE format('GRANT %I TO CURRENT_USER', role);
              END IF;
            EXCEPTION
              WHEN undefined_object OR unique_violation OR insufficient_privilege THEN NULL;
            END;
          END LOOP;
          IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'medstream_app')
            AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'medstream_operator') THEN
            GRANT USAGE ON SCHEMA medstream TO medstream_app, medstream_operator;
            GRANT SELECT ON ALL TABLES IN SCHEMA medstream TO medstream_operator;
            GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA medstream TO medstream_operator;
            GRANT SELECT, INSERT, UPDATE, DELETE ON
              medstream.account, medstream.onboarding, medstream.conversation, medstream.message,
              medstream.idempotency_key, medstream.case_file, medstream.stage_result TO medstream_app;
            GRANT SELECT ON medstream.meta, medstream.node, medstream.migration TO medstream_app;
            GRANT INSERT ON medstream.job TO medstream_app;
            REVOKE INSERT, UPDATE, DELETE ON medstream.migration FROM medstream_operator;
            FOR policy IN SELECT tablename, policyname FROM pg_policies
              WHERE schemaname = 'medstream' AND policyname IN ('owner', 'operator') AND roles = '{public}'
                AND pg_has_role('medstream_app', 'USAGE') AND pg_has_role('medstream_operator', 'USAGE')
            LOOP
              EXECUTE format('ALTER POLICY %I ON medstream.%I TO %I', policy.policyname, policy.tablename,
                CASE policy.policyname WHEN 'owner' THEN 'medstream_app' ELSE 'medstream_operator' END);
            END LOOP;
          END IF;
        END $$;
        """
}
