public import Core
import Encryption
public import Persistence
import PostgreSQL

/// The store for many servers: all rows in one PostgreSQL database, each visible to its owner alone.
///
/// Every call is one transaction, made in the name of the user it names, with the role `medstream_app`, which row-level
/// security binds; what concerns all users is done as `medstream_operator`. Text is sealed before it leaves the process.
/// No call takes longer than the pool's time-out, after which it throws ``StoreError/unavailable(_:)``; a call that lost
/// to another transaction is made again by itself, three times at most.
public final class PostgresStore: Store {
    let pool: Pool
    let keyring: Keyring
    let now: @Sendable () -> Timestamp
    /// Who writes answers here, for as long as the process runs.
    let node: PostgresNode?
    let hasRoles: Bool

    /// Opens a database that ``PostgresDatabase/open(_:keyring:)`` prepared.
    ///
    /// - Parameters:
    ///   - database: where the tables are.
    ///   - node: the server process whose answers these are; `nil` for programs that write none.
    ///   - now: what rows are dated by.
    public init(
        _ database: PostgresDatabase, node: PostgresNode? = nil, now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        pool = database.pool
        keyring = database.keyring
        hasRoles = database.hasRoles
        self.node = node
        self.now = now
    }

    /// Does something in one transaction, again when another one was in its way.
    func run<Answer: Sendable>(
        as principal: Principal, within timeout: Duration? = nil,
        _ work: @escaping @Sendable (inout Transaction) throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        try await pool.run(as: principal, hasRoles: hasRoles, within: timeout, work)
    }
}

extension Pool {
    /// Does something in one transaction; after a conflict with another it is undone and done again, three times at most.
    func run<Answer: Sendable>(
        as principal: Principal, hasRoles: Bool, within timeout: Duration? = nil,
        _ work: @escaping @Sendable (inout Transaction) throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        let result: Result<Answer, StoreError>
        do {
            result = try await run(within: timeout) { session throws(PostgreSQLError) in
                var attempt = 1
                while true {
                    var transaction = Transaction(session, as: principal, hasRoles: hasRoles)
                    do throws(StoreError) {
                        let answer = try work(&transaction)
                        if !transaction.isOver { _ = try transaction.finish() }
                        return .success(answer)
                    } catch {
                        transaction.abandon()
                        guard error.cause?.kind == .conflict, attempt <= 3 else { return .failure(error) }
                        // Whoever lost together should not meet again at once.
                        session.pause(.milliseconds(Int.random(in: 1...(5 * attempt))))
                        attempt += 1
                    }
                }
            }
        } catch {
            throw StoreError(error)
        }
        return try result.get()
    }
}

extension String? {
    /// A cursor as a place; `nil` from the start.
    ///
    /// - Throws: ``StoreError/notFound`` for what is no cursor.
    func place<Place>(_ read: (String) -> Place?) throws(StoreError) -> Place? {
        guard let self else { return nil }
        guard let place = read(self) else { throw .notFound }
        return place
    }
}

/// Rows of a page and one more, which tells whether there is another page.
func rowsToRead(_ limit: Int) -> Int { min(max(1, limit), 100_000) + 1 }
