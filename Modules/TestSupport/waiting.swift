/// Waits for what another task does.
///
/// - Throws: `CancellationError`, so that a wait in vain ends with the time limit of its test and not never.
public func wait(
    while condition: @autoclosure () async throws -> Bool, isolation: isolated (any Actor)? = #isolation
) async throws {
    while try await condition() {
        try Task.checkCancellation()
        await Task.yield()
    }
}
