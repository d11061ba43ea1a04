public import Core
public import Persistence
import PostgreSQL

/// The end of all that a user has, and who came to it.
extension PostgresStore {
    public func deleteUser(_ id: UserID) async throws(StoreError) -> DeletionReceipt {
        var rows: [String: Int] = [:]
        // Some hundred rows a transaction, until there are few left.
        for (name, statement) in Self.steps {
            var deleted = 0
            repeat {
                deleted = try await run(as: .user(id), within: .seconds(30)) { transaction throws(StoreError) in
                    try transaction.finish(Statement(unchecked: statement, [.uuid(id.text)])).affected
                }
                rows[name, default: 0] += deleted
            } while deleted >= Self.rowsAtOnce
        }
        return try await deleteRest(of: id, after: rows)
    }

    public func deletions(after place: Int, limit: Int) async throws(StoreError) -> [Deletion] {
        try await run(as: .care) { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    "SELECT place, owner, at, rows FROM medstream.deletion WHERE place > $1 ORDER BY place LIMIT $2",
                    [.int(place), .int(min(max(1, limit), Deletion.mostAtOnce))]))
            return try rows.map { row throws(StoreError) in
                let (place, owner, at, rows): (Int, String, Int, String) = (
                    try row.get(0), try row.get(1), try row.get(2), try row.get(3)
                )
                do throws(UnreadableRow) {
                    return try Deletion(place: place, owner: owner, at: Int64(at), rows: rows)
                } catch {
                    throw .unavailable(error)
                }
            }
        }
    }

    public func wasDeleted(_ user: UserID, since time: Timestamp) async throws(StoreError) -> Bool {
        try await run(as: .care) { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    "SELECT EXISTS (SELECT FROM medstream.deletion WHERE owner = $1 AND at >= $2)",
                    [.uuid(user.text), .int(Int(time.milliseconds))]))
            return try rows[0].get(0)
        }
    }

    /// Deletes what is left of a user and notes the deletion, in one transaction.
    ///
    /// It has something to delete if any step before had: a call that was broken off is made again, and noted then.
    private func deleteRest(of id: UserID, after before: [String: Int]) async throws(StoreError) -> DeletionReceipt {
        let now = now
        return try await run(as: .care, within: .seconds(30)) { transaction throws(StoreError) in
            let deletions = Self.lastStep.map { _, table, owner in
                Statement(
                    unchecked: "DELETE FROM medstream.\(table) WHERE \(owner) = $1",
                    [owner == "group_key" ? .text(id.text) : .uuid(id.text)])
            }
            // What begins meanwhile waits, and is begun after the deletion or deleted with the rest.
            let deleted = try transaction.run([.lock(id)] + deletions).dropFirst()
            var rows = before
            for (step, deleted) in zip(Self.lastStep, deleted) { rows[step.name, default: 0] += deleted.affected }
            let receipt = DeletionReceipt(user: id, at: now(), rows: rows)
            guard !receipt.rows.isEmpty else { return receipt }
            _ = try transaction.finish([
                // One at a time, so that who has read up to a place has read all before it.
                Statement("SELECT pg_advisory_xact_lock(4918273645546372819)::text"),
                Statement(
                    "INSERT INTO medstream.deletion (owner, at, rows) VALUES ($1, $2, $3)",
                    [.uuid(id.text), .int(Int(receipt.at.milliseconds)), .text(receipt.rowsText)]),
            ])
            return receipt
        }
    }

    private static let rowsAtOnce = 500

    /// What of a user is deleted in steps, in this order, each table under its name in receipts.
    private static let steps = [
        ("idempotency_key", step("idempotency_key")), ("message", step("message")),
        ("conversation", stepThatLeavesSome("conversation")), ("stage_result", step("stage_result")),
        ("case", stepThatLeavesSome("case_file")),
    ]

    private static func step(_ table: String) -> String {
        """
        DELETE FROM medstream.\(table) WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM medstream.\(table) WHERE owner = $1 LIMIT \(rowsAtOnce)))
        """
    }

    /// Deletes nothing when there is not more than one step takes, so that the last step has some.
    private static func stepThatLeavesSome(_ table: String) -> String {
        """
        WITH part AS MATERIALIZED (
          SELECT ctid AS place FROM medstream.\(table) WHERE owner = $1 LIMIT \(rowsAtOnce + 1))
        DELETE FROM medstream.\(table) WHERE ctid = ANY(ARRAY(SELECT place FROM part LIMIT \(rowsAtOnce)))
          AND (SELECT count(*) FROM part) > \(rowsAtOnce)
        """
    }

    private static let lastStep: [(name: String, table: String, owner: String)] = [
        ("idempotency_key", "idempotency_key", "owner"), ("message", "message", "owner"),
        ("conversation", "conversation", "owner"), ("stage_result", "stage_result", "owner"),
        ("case", "case_file", "owner"), ("onboarding", "onboarding", "owner"), ("job", "job", "group_key"),
        ("job", "job_dead", "group_key"), ("user", "account", "id"),
    ]
}
