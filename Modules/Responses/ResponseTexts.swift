internal import Core

/// Puts the parts of an answer together: a blank line between two of them, and each text once.
///
/// An answer may hold several messages and several summaries of reasoning, each a text of its own.
struct ResponseTexts: Sendable {
    /// Where a text stands in the answer: of which item, and which part of it.
    struct Part: Sendable, Hashable {
        var item: Int
        var index: Int
    }

    /// What the model tells of its reasoning.
    ///
    /// Servers that tell both tell the same twice.
    enum Reasoning: Sendable { case summary, raw }

    private var reasoningPart: Part?
    private var contentItem: Int?
    private var kind: Reasoning?
    private var hasRefused = false

    mutating func reason(_ text: String, _ kind: Reasoning, in part: Part, into deltas: inout [Delta]) {
        if self.kind == nil, !text.isEmpty { self.kind = kind }
        guard !text.isEmpty, self.kind == kind else { return }
        if let last = reasoningPart, last != part { deltas.append(.reasoning("\n\n")) }
        reasoningPart = part
        deltas.append(.reasoning(text))
    }

    /// The parts of one message are one text.
    mutating func say(_ text: String, in item: Int, into deltas: inout [Delta]) {
        guard !text.isEmpty else { return }
        if let last = contentItem, last != item { deltas.append(.content("\n\n")) }
        contentItem = item
        deltas.append(.content(text))
    }

    /// A refusal is said to the user, and noted once.
    mutating func refuse(_ text: String, in item: Int, into deltas: inout [Delta]) {
        guard !text.isEmpty else { return }
        if !hasRefused { deltas.append(.flag(.init(kind: "refusal", detail: ""))) }
        hasRefused = true
        say(text, in: item, into: &deltas)
    }
}

extension FinishReason {
    /// - Parameters:
    ///   - status: of a response that has ended well enough.
    ///   - reason: why it is incomplete, where it is.
    ///   - callsTool: whether the model wants a tool called, which has no status of its own.
    init(responseStatus status: String, reason: String?, callsTool: Bool) {
        switch (status, reason) {
        case ("completed", _): self = callsTool ? .toolCalls : .stop
        case ("incomplete", "max_output_tokens"): self = .length
        case ("incomplete", "content_filter"): self = .contentFilter
        default: self = .other
        }
    }
}
