/// Something a caller waits for a thread of the database to do.
protocol Work: AnyObject, Sendable {
    /// How much it writes, as far as the caller told.
    var bytes: Int { get }
    /// Whether it is run by itself, outside of any transaction.
    var isAlone: Bool { get }

    /// Does it, or does it again when what it did was undone.
    ///
    /// - Returns: whether it worked.
    func perform(on transaction: borrowing Transaction) -> Bool

    /// Tells the caller what came of it; `failure` says that whatever it did was undone.
    func finish(_ failure: SQLiteError?)
}

/// A closure and the caller who waits for its result.
///
/// `@unchecked Sendable`: the result is touched by the one thread that took the work out of its box, and the rest does not
/// change.
final class Pending<Result: Sendable>: Work, @unchecked Sendable {
    let bytes: Int
    let isAlone: Bool
    private let body: @Sendable (borrowing Transaction) throws -> Result
    private let caller: CheckedContinuation<Result, any Error>
    /// `nil` until it was done.
    private var result: Swift.Result<Result, any Error>?

    init(
        bytes: Int = 0, isAlone: Bool = false, _ body: @escaping @Sendable (borrowing Transaction) throws -> Result,
        for caller: CheckedContinuation<Result, any Error>
    ) {
        self.bytes = bytes
        self.isAlone = isAlone
        self.body = body
        self.caller = caller
    }

    func perform(on transaction: borrowing Transaction) -> Bool {
        do {
            result = .success(try body(transaction))
            return true
        } catch {
            result = .failure(error)
            return false
        }
    }

    func finish(_ failure: SQLiteError?) {
        // What the closure itself refused stays its answer: that it was undone too is as it should be.
        switch (result, failure) {
        case (.failure(let refusal), _): caller.resume(throwing: refusal)
        case (_, let failure?): caller.resume(throwing: failure)
        case (.success(let value), nil): caller.resume(returning: value)
        case (nil, nil): caller.resume(throwing: SQLiteError.closed)
        }
    }
}
