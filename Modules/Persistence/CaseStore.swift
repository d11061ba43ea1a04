public import Core

/// Keeps cases and what their stages made, each for its owner alone, by the rules of ``ConversationStore``.
public protocol CaseStore: Sendable {
    /// Adds a case to its owner's list; one that the owner has already is left as it is.
    ///
    /// - Throws: ``StoreError/notFound`` when the id is another user's, ``StoreError/full``.
    func insert(_ case: Case) async throws(StoreError)

    /// - Throws: ``StoreError/notFound``.
    func `case`(_ id: CaseID, of owner: UserID) async throws(StoreError) -> Case

    /// Cases, the last updated first.
    ///
    /// `cursor` is the `next` of the page before; `limit` is at least 1. Throws ``StoreError/notFound`` for what is no
    /// cursor.
    func cases(of owner: UserID, after cursor: String?, limit: Int) async throws(StoreError) -> Page<Case>

    /// Replaces title, notes and status; a version that is not higher than the stored one changes nothing.
    ///
    /// - Returns: whether it was written; `false` when what is stored is as new or newer.
    /// - Throws: ``StoreError/notFound``, ``StoreError/full``.
    @discardableResult
    func update(_ case: Case) async throws(StoreError) -> Bool

    /// Deletes a case with the results of its stages; a later save of one of them is `notFound`.
    ///
    /// - Throws: ``StoreError/notFound``.
    func delete(_ id: CaseID, of owner: UserID) async throws(StoreError)

    /// Inserts or replaces a result by case, stage and stream; a version that is not higher changes nothing.
    ///
    /// Of one that is there, `createdAt` stays. The case stays where it is in the list.
    ///
    /// - Returns: whether it was written; `false` when what is stored is as new or newer.
    /// - Throws: ``StoreError/notFound`` when the case is not there, ``StoreError/full``.
    @discardableResult
    func save(_ result: StageResult) async throws(StoreError) -> Bool

    /// Every result of a case in the order they were first saved: the last one of a stage counts.
    ///
    /// - Throws: ``StoreError/notFound``.
    func results(of id: CaseID, of owner: UserID) async throws(StoreError) -> [StageResult]
}
