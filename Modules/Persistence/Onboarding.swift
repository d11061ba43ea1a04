public import Core

/// How far a user has come in being made acquainted with the product.
public struct OnboardingState: Sendable, Hashable {
    /// The one user for whom this row exists.
    public let owner: UserID
    /// What was answered so far, as JSON text; the store does not look inside.
    public var answers: String
    public var isComplete: Bool
    /// Rises with each save; of two the higher stands, whatever order they arrive in.
    public var version: Int
    public var updatedAt: Timestamp

    public init(
        owner: UserID, answers: String = "{}", isComplete: Bool = false, version: Int = 1, updatedAt: Timestamp
    ) {
        self.owner = owner
        self.answers = answers
        self.isComplete = isComplete
        self.version = version
        self.updatedAt = updatedAt
    }
}

/// Keeps one ``OnboardingState`` for each user.
public protocol OnboardingStore: Sendable {
    /// - Returns: `nil` for a user who has not begun.
    func onboarding(of owner: UserID) async throws(StoreError) -> OnboardingState?

    /// Inserts or replaces a user's state; a version that is not higher than the stored one changes nothing.
    ///
    /// - Returns: whether it was written; `false` when what is stored is as new or newer.
    /// - Throws: ``StoreError/full``.
    @discardableResult
    func save(_ state: OnboardingState) async throws(StoreError) -> Bool
}
