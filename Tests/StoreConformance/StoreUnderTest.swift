package import Core
package import Persistence

/// A kind of store, empty for each test.
package struct StoreUnderTest: Sendable, CustomStringConvertible {
    package let description: String
    /// Makes an empty store of the kind; `now` is its clock.
    package let make: @Sendable (_ now: @escaping @Sendable () -> Timestamp) async throws -> any Store

    package init(
        _ description: String,
        make: @escaping @Sendable (_ now: @escaping @Sendable () -> Timestamp) async throws -> any Store
    ) {
        self.description = description
        self.make = make
    }

    /// A store by the clock on the wall.
    package func made() async throws -> any Store { try await make { .now } }

    /// The one in the library of protocols.
    package static let memory = StoreUnderTest("memory") { InMemoryStore(now: $0) }
}
