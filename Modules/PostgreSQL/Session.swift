import Glibc

/// A connection for as long as one piece of work has it: its calls wait, on a thread that is there for that.
///
/// Work that leaves a transaction open has it undone, and costs the pool a connection.
public final class Session {
    private let connection: Connection
    private let deadline: Deadline

    init(_ connection: Connection, until deadline: Deadline) {
        self.connection = connection
        self.deadline = deadline
    }

    /// Sends statements together, in one way there and back.
    ///
    /// Outside a transaction they are one: all of them are committed when this returns, or none when it throws other than
    /// an outage.
    ///
    /// - Returns: the result of each.
    /// - Throws: ``PostgreSQLError`` of the first that failed.
    public func run(_ statements: [Statement]) throws(PostgreSQLError) -> [Rows] {
        try connection.exchange(statements, until: deadline)
    }

    /// Runs one statement.
    ///
    /// - Throws: ``PostgreSQLError``.
    @discardableResult
    public func run(_ statement: Statement) throws(PostgreSQLError) -> Rows {
        guard let rows = try run([statement]).first else {
            throw PostgreSQLError(.defect, "A statement had no result", sql: statement.sql)
        }
        return rows
    }

    /// Runs statements without values, divided by semicolons: one transaction, unless they say otherwise.
    ///
    /// - Throws: ``PostgreSQLError``.
    public func script(_ sql: String) throws(PostgreSQLError) { try connection.script(sql, until: deadline) }

    /// Waits, for no longer than the work has time.
    public func pause(_ duration: Duration) {
        usleep(UInt32(clamping: min(duration, deadline.left).milliseconds * 1000))
    }

    /// What is left of the time that the work has.
    public var timeLeft: Duration { deadline.left }

    /// The number of the server's process that serves this connection.
    public var process: Int { connection.process }
}
