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

    /// How long its models may take to the first text, where the configuration does not say.
    static var usualFirstToken: Duration { get }

    /// How many requests it takes at once and when it is left alone, where the configuration does not say.
    static var usualLimits: ProviderGate.Limits { get }

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

    /// Gives the answer to `prompt`, piece by piece, until its end; called on the loop's thread.
    ///
    /// Whether the answer is streamed or comes at once makes no difference but time. Cancelling the task ends the request
    /// to the provider at once.
    ///
    /// - Parameters:
    ///   - prompt: what is asked.
    ///   - loop: where the answer is read.
    ///   - patience: how long the provider may keep us waiting; longer is `timedOut`.
    ///   - receive: called on the loop's thread with each piece as it comes, in order; not after this has returned. An
    ///     answer that ends without an error has given exactly one ``Core/Delta/finish(_:)``.
    /// - Throws: ``Core/PlatformError`` when there will be nothing more; all that came before was handed over. An
    ///   answer that breaks off is `providerTruncated`. Cancelling the task throws `cancelled`.
    func answer(
        _ prompt: Prompt, on loop: EventLoop, within patience: Patience, receive: @escaping (Delta) -> Void
    ) async throws(PlatformError)
}

extension Provider {
    /// Two minutes: models that reason are silent for so long.
    public static var usualFirstToken: Duration { .seconds(120) }

    /// Those of ``ProviderGate/Limits/init()``.
    public static var usualLimits: ProviderGate.Limits { ProviderGate.Limits() }

    /// Gives the answer to `prompt` with no other limits than the provider's own.
    public func answer(
        _ prompt: Prompt, on loop: EventLoop, receive: @escaping (Delta) -> Void
    ) async throws(PlatformError) {
        try await answer(prompt, on: loop, within: Patience(), receive: receive)
    }
}
