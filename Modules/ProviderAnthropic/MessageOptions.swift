internal import Configuration
internal import Core
internal import Providers

/// What is asked of the model beside the conversation, beyond the parameters of all providers.
struct MessageOptions: Sendable, Hashable {
    var thinking: Thinking
    /// Tokens of the whole answer, thoughts included.
    var maxTokens: Int
    var takesPrefill: Bool

    /// Every model of the Messages API can say as much.
    static let usualMaxTokens = 4096
    /// The least that the API takes for thoughts.
    static let leastBudget = 1024

    struct Thinking: Sendable, Hashable {
        enum Kind: String, Sendable, CaseIterable {
            case unsaid = "default"
            case enabled, adaptive, disabled
        }

        var kind: Kind
        var budget: Int?
        var display: String?
    }

    /// Reads the section `thinking`, and reports what the API would refuse.
    init(_ section: Section, _ parameters: ModelParameters, takesPrefill: Bool) {
        self.takesPrefill = takesPrefill
        thinking = Thinking(
            kind: section.choice("type", default: .unsaid),
            budget: section.int("budget_tokens", in: Self.leastBudget...10_000_000),
            display: section.string("display"))
        maxTokens = parameters.maxOutputTokens ?? Self.usualMaxTokens + (thinking.budget ?? 0)
        switch (thinking.kind, thinking.budget) {
        case (.enabled, nil): section.fail("budget_tokens", "type 'enabled' takes a budget")
        case (.enabled, let budget?) where budget >= maxTokens:
            section.fail("budget_tokens", "expected less than parameters.max_output_tokens, which is \(maxTokens)")
        case (.unsaid, _?), (.adaptive, _?), (.disabled, _?):
            section.fail("budget_tokens", "only type 'enabled' takes a budget")
        default: break
        }
        if thinking.display != nil, thinking.kind != .enabled, thinking.kind != .adaptive {
            section.fail("display", "only the types 'enabled' and 'adaptive' show thoughts")
        }
    }
}
