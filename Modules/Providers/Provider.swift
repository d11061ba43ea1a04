public import Configuration
public import Core
public import Reactor

/// Answers prompts: the one thing to implement to add a source of models.
///
/// Most providers speak HTTP and implement ``Dialect`` instead, which leaves connections, deadlines and the meaning of
/// HTTP statuses to this module. A provider holds its settings and nothing that changes; it is shared by all loops.
public protocol Provider: Sendable {
    /// The name that `kind:` has in the configuration, such as `openai`.
    ///
    /// Lower case with underscores; unique in a ``ProviderRegistry``.
    static var kind: String { get }

    /// Reads and checks the settings; opens no connection.
    ///
    /// What is missing or wrong is reported to the section, with its place, and some value is used instead: a process
    /// with such a report does not start. Keys that are not asked for are reported as unknown.
    init(_ settings: Section)

    /// The entry below `providers:` that this was made from.
    var name: String { get }

    /// The model that is asked for, for records and metrics.
    var model: String { get }

    /// What it can do beyond answering; nothing unless it says so.
    var capabilities: Capabilities { get }

    /// Begins an answer; called on the loop's thread.
    ///
    /// Returns at once and fails never: what goes wrong, the connection included, is thrown by the source.
    func open(_ prompt: Prompt, on loop: EventLoop) -> any DeltaSource
}

/// One answer, as it comes in.
///
/// Loop-confined, and read by one task at a time. Letting go of it ends the request to the provider.
public protocol DeltaSource: AnyObject {
    /// Waits for the next piece of the answer.
    ///
    /// Whether the answer is streamed or comes at once makes no difference to the caller but time. A source that ends
    /// without an error has given exactly one ``Core/Delta/finish(_:)``.
    ///
    /// - Parameter deltas: emptied and filled again, so that one array serves the whole answer.
    /// - Returns: whether there is anything in `deltas`; false at the end, and from then on.
    /// - Throws: ``Core/PlatformError`` when there will be nothing more; all that came before was handed over. An
    ///   answer that breaks off is `providerTruncated`. Cancelling the task throws `cancelled`.
    func next(into deltas: inout [Delta]) async throws(PlatformError) -> Bool
}
