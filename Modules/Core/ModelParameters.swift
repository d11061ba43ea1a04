/// How the model is asked to answer; each is sent only when it is given, because many models refuse some of them.
public struct ModelParameters: Sendable, Hashable {
    /// From 0 to 2; reasoning models refuse it.
    public var temperature: Double?
    /// From 0 to 1; reasoning models refuse it.
    public var topP: Double?
    /// From -2 to 2.
    public var presencePenalty: Double?
    /// From -2 to 2.
    public var frequencyPenalty: Double?
    /// Tokens, hidden reasoning included.
    public var maxOutputTokens: Int?
    /// Texts that end the answer; vendors take up to four.
    public var stop: [String] = []
    public var seed: Int?
    /// In the vendor's own words, such as `low`.
    public var reasoningEffort: String?
    /// In the vendor's own words, such as `medium`.
    public var verbosity: String?

    public init() {}

    /// These, with those in their place that `others` gives.
    public func overridden(by others: ModelParameters) -> ModelParameters {
        var result = self
        result.temperature = others.temperature ?? temperature
        result.topP = others.topP ?? topP
        result.presencePenalty = others.presencePenalty ?? presencePenalty
        result.frequencyPenalty = others.frequencyPenalty ?? frequencyPenalty
        result.maxOutputTokens = others.maxOutputTokens ?? maxOutputTokens
        if !others.stop.isEmpty { result.stop = others.stop }
        result.seed = others.seed ?? seed
        result.reasoningEffort = others.reasoningEffort ?? reasoningEffort
        result.verbosity = others.verbosity ?? verbosity
        return result
    }
}
