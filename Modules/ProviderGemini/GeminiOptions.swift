internal import Configuration
internal import Core
internal import Providers

/// What Gemini can be told that other models cannot.
struct GeminiOptions: Sendable {
    var thinkingBudget: Int?
    var includesThoughts: Bool?
    /// Categories and thresholds in Google's words.
    var safety: [(category: String, threshold: String)] = []

    private enum Category: String, CaseIterable {
        case harassment, hateSpeech = "hate_speech", sexuallyExplicit = "sexually_explicit"
        case dangerousContent = "dangerous_content", civicIntegrity = "civic_integrity"
    }

    private enum Threshold: String, CaseIterable {
        case off, blockNone = "block_none", blockOnlyHigh = "block_only_high"
        case blockMediumAndAbove = "block_medium_and_above", blockLowAndAbove = "block_low_and_above"
    }

    init(_ settings: Section, _ parameters: ModelParameters) {
        let thinking = settings.section("thinking")
        thinkingBudget = thinking.int("budget", in: -1...1_000_000)
        includesThoughts = thinking.bool("include_thoughts")
        if thinkingBudget != nil, parameters.reasoningEffort != nil {
            thinking.fail("budget", "expected this or parameters.reasoning_effort, found both; models know one of them")
        }
        if parameters.verbosity != nil {
            settings.section("parameters").fail("verbosity", "is nothing that Gemini knows; leave it out")
        }
        let levels = settings.section("safety")
        for category in Category.allCases where levels.isGiven(category.rawValue) {
            let threshold = levels.choice(category.rawValue, default: Threshold.blockMediumAndAbove)
            safety.append(("HARM_CATEGORY_\(category.rawValue.uppercased())", threshold.rawValue.uppercased()))
        }
    }
}
