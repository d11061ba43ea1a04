public import Core
public import Persistence

/// What answers used and cost.
extension ChatService {
    /// What the user's finished answers of some days used and cost, both days included, in UTC.
    ///
    /// - Parameters:
    ///   - owner: whose answers.
    ///   - days: the first and the last day, each by its first moment.
    ///   - coarse: what of a group the answers are told apart by.
    /// - Returns: by day, provider, model and stage, what is not known before what is.
    /// - Throws: `PlatformError` `unavailable` when the store cannot be reached.
    public func usage(
        as owner: UserID, on days: ClosedRange<Timestamp>, by coarse: (UsageSum.Group) -> UsageSum.Group
    ) async throws(PlatformError) -> [UsageSum] {
        let sums = try await storing { () throws(StoreError) in
            try await store.usage(of: owner, from: days.lowerBound, to: days.upperBound + .seconds(86_400))
        }
        return sums.grouped(by: coarse).sorted { $0.group.words.lexicographicallyPrecedes($1.group.words) }
    }
}

extension UsageSum.Group {
    fileprivate var words: [String] { [day ?? "", provider ?? "", model ?? "", stage?.rawValue ?? ""] }
}
