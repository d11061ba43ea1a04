public import Core

/// Tells an operator who there is; never reached from a route.
public protocol UserDirectory: Sendable {
    /// Everybody who has an account or owns anything, in the order of their ids.
    ///
    /// `cursor` is the `next` of the page before; `limit` is at least 1. Throws ``StoreError/notFound`` for what is no
    /// cursor.
    func people(after cursor: String?, limit: Int) async throws(StoreError) -> Page<Person>
}

/// Somebody who has an account, or owns something without one, as in the `development` mode of sign-in.
public struct Person: Sendable, Hashable {
    public let id: UserID
    public let account: User?
    public let conversations: Int
    public let cases: Int
    /// When a conversation or case of theirs was last used.
    public let lastUsed: Timestamp?

    public init(id: UserID, account: User?, conversations: Int, cases: Int, lastUsed: Timestamp?) {
        self.id = id
        self.account = account
        self.conversations = conversations
        self.cases = cases
        self.lastUsed = lastUsed
    }
}
