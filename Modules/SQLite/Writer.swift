import Synchronization

/// The one connection that writes, on a thread of its own: it puts what waits into one transaction after another.
///
/// The batch grows by itself under load, since all that comes while one commit is on its way to the disk goes into the
/// next; nobody is made to wait for others to come.
///
/// `@unchecked Sendable`: `connection` belongs to the thread that runs ``run()``, and the rest is safe from any.
final class Writer: @unchecked Sendable {
    let box = Mailbox<any Work>()
    private let connection: Connection
    private let settings: Database.Settings
    private let counts = Mutex(Database.Counts())

    init(_ settings: Database.Settings) throws(SQLiteError) {
        self.settings = settings
        connection = try Connection(path: settings.path, .readWrite, busyTimeout: settings.busyTimeout)
        try settings.prepare(connection)
    }

    /// What was done so far.
    var done: Database.Counts { counts.withLock { $0 } }

    /// Closes the file; after the end of ``run()``, from any one thread.
    func close() { connection.close() }

    /// Works until the box is closed and empty.
    func run() {
        while true {
            var works = 1
            var bytes = 0
            let batch = box.take { work in
                works += 1
                bytes += work.bytes
                return works <= settings.batchWorks && bytes <= settings.batchBytes && !work.isAlone
            }
            guard let batch else { return }
            // One that must be alone and came first may have taken others with it.
            if let first = batch.first, first.isAlone {
                alone(first)
                if batch.count > 1 { commit(batch.dropFirst()) }
            } else {
                commit(batch[...])
            }
        }
    }

    private func alone(_ work: any Work) {
        let transaction = Transaction(connection)
        let isDone = work.perform(on: transaction)
        if !connection.isIdle { rollBack() }
        counts.withLock { $0.works += isDone ? 1 : 0 }
        work.finish(nil)
    }

    // MARK: Batches

    private func commit(_ batch: ArraySlice<any Work>) {
        do throws(SQLiteError) {
            try begin()
        } catch {
            return finish(batch, error)
        }
        for work in batch {
            let marks = connection.marks
            let transaction = Transaction(connection)
            if work.perform(on: transaction) { continue }
            // Refused before it wrote anything: there is nothing to undo.
            if !connection.isIdle, connection.marks == marks { continue }
            rollBack()
            return batch.count == 1 ? finish(batch, nil) : replay(batch)
        }
        do throws(SQLiteError) {
            try end()
            counts.withLock { $0.add(batch.count) }
            finish(batch, nil)
        } catch {
            rollBack()
            // After a failure of the disk it is unknown what became of the commit; to write again is for the caller.
            if batch.count == 1 || error.kind == .io { finish(batch, error) } else { oneByOne(batch) }
        }
    }

    /// Does a batch again in which one failed, so that this one fails alone.
    private func replay(_ batch: ArraySlice<any Work>) {
        counts.withLock { $0.replays += 1 }
        do throws(SQLiteError) {
            try begin()
        } catch {
            return finish(batch, error)
        }
        do throws(SQLiteError) {
            for work in batch {
                try connection.execute("SAVEPOINT one")
                let transaction = Transaction(connection)
                if !work.perform(on: transaction) {
                    // When SQLite gave up the whole transaction, as it may when the disk is full, this fails.
                    try connection.execute("ROLLBACK TO one")
                }
                try connection.execute("RELEASE one")
            }
            try end()
            counts.withLock { $0.add(batch.count) }
            finish(batch, nil)
        } catch {
            rollBack()
            oneByOne(batch)
        }
    }

    private func oneByOne(_ batch: ArraySlice<any Work>) {
        for index in batch.indices { commit(batch[index...index]) }
    }

    private func begin() throws(SQLiteError) { try connection.execute("BEGIN IMMEDIATE") }

    private func end() throws(SQLiteError) { try connection.execute("COMMIT") }

    private func rollBack() {
        if !connection.isIdle { try? connection.execute("ROLLBACK") }
    }

    private func finish(_ batch: ArraySlice<any Work>, _ failure: SQLiteError?) {
        if let failure {
            counts.withLock {
                $0.failures += 1
                if failure.kind == .io || failure.kind == .corrupt { $0.damages += 1 }
            }
        }
        for work in batch { work.finish(failure) }
    }

    // MARK: The log

    /// Moves the log into the file; called on the writer's thread, which waits for readers but shortly, as all wait for it.
    func checkpoint() throws(SQLiteError) {
        connection.setBusyTimeout(.milliseconds(250))
        defer { connection.setBusyTimeout(settings.busyTimeout) }
        try connection.checkpoint(isTruncating: true)
    }
}
