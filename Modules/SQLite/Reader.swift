import Synchronization

/// A connection that reads, on a thread of its own; several share one box.
///
/// `@unchecked Sendable`: `connection` belongs to the thread that runs ``run()``, and the rest does not change.
final class Reader: @unchecked Sendable {
    private let box: Mailbox<Request>
    private let connection: Connection
    private let steps: Steps

    /// What all readers' statements cost so far.
    final class Steps: Sendable {
        let count = Atomic(0)
    }

    /// A read, and how long it may take.
    struct Request: Sendable {
        var work: any Work
        var limit: Duration
    }

    init(_ settings: Database.Settings, taking box: Mailbox<Request>, counting steps: Steps) throws(SQLiteError) {
        self.box = box
        self.steps = steps
        connection = try settings.reading()
    }

    /// Works until the box is closed and empty.
    func run() {
        while let requests = box.take(while: { _ in false }) {
            for request in requests { answer(request) }
        }
        connection.close()
    }

    private func answer(_ request: Request) {
        connection.limit(request.limit)
        let before = connection.steps
        do throws(SQLiteError) {
            try connection.execute("BEGIN")
            let transaction = Transaction(connection)
            _ = request.work.perform(on: transaction)
            steps.count.add(connection.steps - before, ordering: .relaxed)
            connection.limit(nil)
            if !connection.isIdle { try connection.execute("COMMIT") }
            request.work.finish(nil)
        } catch {
            connection.limit(nil)
            if !connection.isIdle { try? connection.execute("ROLLBACK") }
            request.work.finish(error)
        }
    }
}
