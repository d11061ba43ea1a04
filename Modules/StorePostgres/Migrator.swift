import PostgreSQL

/// How a database stands to us: who we are in it, and which migrations were done.
struct Standing: Sendable {
    let version: Int
    let versionName: String
    let role: String
    /// Whether row-level security does not bind the role.
    let isAboveSecurity: Bool
    /// Whether the two roles are there, may be taken and reach the tables.
    let hasRoles: Bool
    /// Whether they are there and were not let at the tables, as when somebody made them later.
    private let lacksGrants: Bool
    /// Name and hash by number.
    var done: [Int: String] = [:]

    init(_ session: Session) throws(PostgreSQLError) {
        let row = try session.run(
            Statement(
                """
                SELECT current_setting('server_version_num')::int, current_setting('server_version'),
                  current_user, (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),
                  (SELECT count(*) = 2 FROM pg_roles WHERE rolname IN ('medstream_app', 'medstream_operator')
                    AND pg_has_role(oid,
                      CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)),
                  EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = 'medstream' AND c.relname = 'migration'),
                  (SELECT count(*) = 2 FROM pg_roles r JOIN pg_namespace n ON n.nspname = 'medstream'
                    WHERE rolname IN ('medstream_app', 'medstream_operator')
                      AND has_schema_privilege(r.oid, n.oid, 'USAGE'))
                """))[0]
        version = try row.value(0)
        versionName = try row.value(1)
        role = try row.value(2)
        isAboveSecurity = try row.value(3)
        let (mayTake, isGranted): (Bool, Bool) = (try row.value(4), try row.value(6))
        hasRoles = mayTake && isGranted
        lacksGrants = mayTake && !isGranted
        guard try row.value(5, as: Bool.self) else { return }
        let rows = try session.run([
            Statement("SELECT set_config('role', $1, true)", [.text(hasRoles ? "medstream_operator" : "none")]),
            Statement("SELECT number, sha256 FROM medstream.migration"),
        ])[1]
        for row in rows { done[try row.value(0)] = try row.value(1, as: String.self) }
    }

    var needsMigration: Bool { done.count < Migration.all.count || lacksGrants }

    func check() throws(PostgresOpenError) {
        guard version >= 140_000 else { throw .tooOld(version: versionName) }
        if let newer = done.keys.filter({ $0 > Migration.all.count }).max() { throw .newerSchema(number: newer) }
        for migration in Migration.all {
            guard done[migration.number] == nil || done[migration.number] == migration.sha256 else {
                throw .otherSchema(number: migration.number)
            }
        }
    }

    func checkProtection() throws(PostgresOpenError) {
        guard hasRoles || !isAboveSecurity else { throw .unprotected(role: role) }
    }
}

/// Does what is missing of the migrations: all of it, or nothing.
enum Migrator {
    /// - Returns: why it was not done, when that is no failure of the server's.
    static func migrate(_ session: Session) throws(PostgreSQLError) -> PostgresOpenError? {
        _ = try session.run([
            Statement("BEGIN"),
            // One starter at a time; the others find the work done.
            Statement("SELECT pg_advisory_xact_lock(7308332045931700083)::text"),
            Statement("SELECT set_config('medstream.operator', 'on', true)"),
        ])
        try session.script(preparation)
        let standing = try Standing(inTransaction: session)
        do throws(PostgresOpenError) {
            try standing.check()
        } catch {
            try session.run(Statement("ROLLBACK"))
            return error
        }
        for migration in Migration.all where standing.done[migration.number] == nil {
            try session.script(migration.sql)
            try session.run(
                Statement(
                    "INSERT INTO medstream.migration (number, name, sha256) VALUES ($1, $2, $3)",
                    [.int(migration.number), .text(migration.name), .text(migration.sha256)]))
        }
        try session.script(Schema.roles)
        try session.run(Statement("COMMIT"))
        return nil
    }

    private static let preparation = """
        CREATE SCHEMA IF NOT EXISTS medstream;
        CREATE TABLE IF NOT EXISTS medstream.migration (
          number bigint PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, at timestamptz NOT NULL DEFAULT now());
        """
}

extension Standing {
    /// The same as its owner sees it, in the midst of migrating.
    fileprivate init(inTransaction session: Session) throws(PostgreSQLError) {
        let rows = try session.run([
            Statement(
                "SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_user"),
            Statement("SELECT number, sha256 FROM medstream.migration"),
        ])
        version = try rows[0][0].value(0)
        versionName = try rows[0][0].value(1)
        role = try rows[0][0].value(2)
        (isAboveSecurity, hasRoles, lacksGrants) = (false, false, false)
        for row in rows[1] { done[try row.value(0)] = try row.value(1, as: String.self) }
    }
}
