internal import Core

/// What a provider can do beyond answering a prompt, for those who choose between providers.
///
/// It follows from the settings alone and says what may be asked, not that it succeeds: a model behind the provider may
/// still refuse.
public struct Capabilities: Sendable, Hashable {
    /// Whether the provider heeds ``Core/Prompt/answerSoFar``.
    ///
    /// One that does carries the text in its own dialect and answers with what follows it; white space at the text's
    /// end may come again. One that does not ignores the text, so whoever asks must say in words what to continue.
    public var assistantPrefill: Bool

    /// Abilities; those not named are absent.
    public init(assistantPrefill: Bool = false) { self.assistantPrefill = assistantPrefill }
}

extension Provider {
    /// None: a provider that can do more says so.
    public var capabilities: Capabilities { Capabilities() }
}
