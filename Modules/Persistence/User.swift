public import Core

/// An account: who somebody is, never how they prove it.
public struct User: Sendable, Hashable {
    public let id: UserID
    public var name: String
    /// As it was written; found by ``normalised(email:)``.
    public var email: String
    public let createdAt: Timestamp

    public init(id: UserID = UserID(), name: String, email: String, createdAt: Timestamp) {
        self.id = id
        self.name = name
        self.email = email
        self.createdAt = createdAt
    }

    /// An address as it is compared: without white space around it, in lower case.
    ///
    /// RFC 5321, section 2.4, lets the part before the `@` differ by case; no provider in use does.
    public static func normalised(email: String) -> String {
        let inside = email.drop(while: \.isWhitespace)
        return String(
            inside.prefix(upTo: inside.lastIndex { !$0.isWhitespace }.map(inside.index(after:)) ?? inside.startIndex)
        )
        .lowercased()
    }
}

/// What was deleted with a user: the proof for the one who asked for it.
public struct DeletionReceipt: Sendable, Hashable {
    public let user: UserID
    public let at: Timestamp
    /// How many rows were deleted, by table, such as `conversation` and `message`.
    ///
    /// Tables that had no row of the user are left out.
    public let rows: [String: Int]

    public init(user: UserID, at: Timestamp, rows: [String: Int]) {
        self.user = user
        self.at = at
        self.rows = rows.filter { $0.value > 0 }
    }
}

/// Keeps accounts; no two have one e-mail address.
public protocol UserStore: Sendable {
    /// Adds an account; one with this id is left as it is.
    ///
    /// - Throws: ``StoreError/conflict(_:)`` with `email` when another account has the address; ``StoreError/full``.
    func insert(_ user: User) async throws(StoreError)

    /// - Throws: ``StoreError/notFound``.
    func user(_ id: UserID) async throws(StoreError) -> User

    /// The account with an address, however it is written.
    ///
    /// - Throws: ``StoreError/notFound``.
    func user(email: String) async throws(StoreError) -> User

    /// Replaces name and address.
    ///
    /// - Throws: ``StoreError/notFound``; ``StoreError/conflict(_:)`` with `email`; ``StoreError/full``.
    func update(_ user: User) async throws(StoreError)

    /// Deletes an account and every row of the user, also of one without an account; asked again, it finds nothing.
    ///
    /// Whole, or, for a user of very many rows, in steps; called again it goes on. The last step leaves a ``Deletion``
    /// behind, in the transaction that deletes the account, unless nothing was found: see ``StoreCare/deletions(after:limit:)``.
    func deleteUser(_ id: UserID) async throws(StoreError) -> DeletionReceipt
}
