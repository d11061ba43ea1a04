package import Persistence

/// A ``StoreError`` that can be compared.
package enum Refusal: Error, Equatable {
    case notFound
    case conflict(StoreError.Conflict)
    case full
    case unavailable

    package init(_ error: StoreError) {
        self =
            switch error {
            case .notFound: .notFound
            case .conflict(let conflict): .conflict(conflict)
            case .full: .full
            case .unavailable: .unavailable
            }
    }
}

/// What a call was refused with; `nil` when it was not.
package func refusal<Result>(_ call: () async throws -> Result) async -> Refusal? {
    do {
        _ = try await call()
        return nil
    } catch {
        return (error as? StoreError).map(Refusal.init) ?? error as? Refusal
    }
}
