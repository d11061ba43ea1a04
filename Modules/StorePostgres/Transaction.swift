import Core
import Persistence
import PostgreSQL

/// One transaction in somebody's name; what it says first goes with the first statements, its end with the last ones.
struct Transaction: ~Copyable {
    private let session: Session
    private let principal: Principal
    private let hasRoles: Bool
    private var isOpen = false
    var isOver = false

    init(_ session: Session, as principal: Principal, hasRoles: Bool) {
        self.session = session
        self.principal = principal
        self.hasRoles = hasRoles
    }

    /// Says in whose name the transaction is, as its first statement.
    private func prelude(_ sql: String = saysWho) -> Statement {
        // The server gives up a little before we do, so that a statement that takes too long costs no connection.
        let timeout = session.timeLeft * 9 / 10
        return Statement(
            unchecked: sql,
            [
                .text(hasRoles ? principal.role : "none"), .text(principal.user),
                .text(principal == .care ? "on" : ""), .text(String(max(100, timeout.milliseconds))),
            ])
    }

    private static let saysWho = """
        SELECT set_config('role', $1, true), set_config('medstream.user', $2, true),
          set_config('medstream.operator', $3, true), set_config('statement_timeout', $4, true),
          CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
            THEN set_config('synchronous_commit', 'on', true) END
        """
    /// Where the server is to wait for more of us.
    private static let saysWhoAndStays = saysWho + ", set_config('idle_in_transaction_session_timeout', '10000', true)"
    /// Also waits until no other transaction of the user's is alone in this sense.
    private static let saysWhoAlone = saysWho + ", pg_advisory_xact_lock(hashtextextended($2, 1296389197))::text"

    /// Sends statements of which more are to follow.
    mutating func run(_ statements: [Statement]) throws(StoreError) -> [Rows] {
        let opening = isOpen ? [] : [Statement("BEGIN"), prelude(Self.saysWhoAndStays)]
        isOpen = true
        return Array(try send(opening + statements).dropFirst(opening.count))
    }

    /// Sends one statement of which more are to follow.
    mutating func run(_ statement: Statement) throws(StoreError) -> Rows {
        guard let rows = try run([statement]).first else { throw .unavailable(MissingResult()) }
        return rows
    }

    /// Sends the last statements and commits; statements that are all there is take one way there and back.
    ///
    /// What comes back is committed. After an outage nobody knows.
    mutating func finish(_ statements: [Statement] = []) throws(StoreError) -> [Rows] {
        FaultPoint.reach("postgres_before_commit")
        let rows: [Rows]
        if isOpen {
            rows = Array(try send(statements + [Statement("COMMIT")]).dropLast())
        } else if statements.isEmpty {
            rows = []
        } else {
            rows = Array(try send([prelude()] + statements).dropFirst())
        }
        (isOpen, isOver) = (false, true)
        FaultPoint.reach("postgres_after_commit")
        return rows
    }

    /// Sends the last statement and commits.
    mutating func finish(_ statement: Statement) throws(StoreError) -> Rows {
        guard let rows = try finish([statement]).first else { throw .unavailable(MissingResult()) }
        return rows
    }

    /// Does all in one statement, alone among the transactions of the user that change what has an order.
    ///
    /// When it throws, it was undone, and the transaction may be used for another way to the same end.
    mutating func finishAlone(_ statement: Statement) throws(StoreError) -> Rows {
        FaultPoint.reach("postgres_before_commit")
        let rows = try send([prelude(Self.saysWhoAlone), statement])
        FaultPoint.reach("postgres_after_commit")
        return rows[1]
    }

    /// Undoes what was done, if anything is open.
    mutating func abandon() {
        guard isOpen else { return }
        (isOpen, isOver) = (false, true)
        // When that fails, the pool throws the connection away, and with it the transaction.
        _ = try? session.run([Statement("ROLLBACK")])
    }

    private func send(_ statements: [Statement]) throws(StoreError) -> [Rows] {
        do {
            return try session.run(statements)
        } catch {
            throw StoreError(error)
        }
    }
}

/// A statement had no result, which the wrapper does not let happen.
struct MissingResult: Error {}

extension StoreError {
    /// What a failure of the server means to the one who asked the store.
    init(_ error: PostgreSQLError) { self = error.sqlState == "53100" ? .full : .unavailable(error) }

    /// What PostgreSQL said, if it said anything.
    var cause: PostgreSQLError? {
        guard case .unavailable(let cause) = self else { return nil }
        return cause as? PostgreSQLError
    }

    /// The constraint that was broken by a row that is there already (23505).
    var takenKey: String? { cause.flatMap { $0.sqlState == "23505" ? $0.constraint : nil } }
}

extension Duration {
    /// Whole milliseconds; the rest falls away.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }

    /// A duration in milliseconds, rounded up.
    var millisecondsRoundedUp: Int { Int(milliseconds) + (components.attoseconds % 1_000_000_000_000_000 > 0 ? 1 : 0) }
}

extension Row {
    /// A column's value; what is not as it should be is the store's failure.
    func get<Column: ColumnValue>(_ column: Int, as type: Column.Type = Column.self) throws(StoreError) -> Column {
        do {
            return try value(column, as: type)
        } catch {
            throw .unavailable(error)
        }
    }
}
