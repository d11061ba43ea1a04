package import Core
package import Encryption
package import Persistence
package import SQLite

/// A job as it is stored: its payload in an envelope that opens for this job alone.
///
/// Made before the transaction that inserts it, since sealing takes longer than writing.
package struct SealedJob: Sendable {
    fileprivate let job: NewJob
    fileprivate let payload: [UInt8]
    fileprivate let key: KeyID

    package init(_ job: NewJob, with keyring: Keyring) {
        self.job = job
        payload = keyring.seal(job.payload, at: .payload(of: job.id))
        key = Keyring.keyID(of: payload) ?? keyring.currentKey
    }

    /// About how much it writes.
    package var bytes: Int { payload.count + 400 }

    /// Puts it into the queue of the transaction's database, unless its id or key is there.
    ///
    /// - Returns: whether it was put in.
    @discardableResult
    package func insert(
        in transaction: borrowing SQLite.Transaction, at now: Timestamp
    ) throws(SQLiteError) -> Bool {
        let delay = job.delay.milliseconds
        return try transaction.run(
            Self.insertion, job.id.text, job.kind.rawValue, job.uniqueKey == job.id.text ? nil : job.uniqueKey,
            job.group, job.priority.rawValue, delay == 0 ? 0 : max(1, now.milliseconds + delay),
            delay == 0 ? 0 : now.milliseconds, now.milliseconds, Int64(key.number), payload, job.id.text) > 0
    }

    private static let insertion: SQL = """
        INSERT INTO job(id, kind, unique_key, group_key, priority, run_at, waits_since, created_at, key, payload)
        SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM job_dead WHERE id = ?)
        ON CONFLICT DO NOTHING
        """
}

extension SealedPlace {
    /// That of a job's payload, alive or dead.
    static func payload(of job: JobID) -> SealedPlace {
        SealedPlace(table: "job", column: "payload", row: job.text)
    }
}

extension Duration {
    /// Whole milliseconds; the rest falls away.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
