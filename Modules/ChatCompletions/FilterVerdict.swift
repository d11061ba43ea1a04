internal import Core
internal import JSON
internal import Providers

/// Reads what Azure's content filter says about an answer.
///
/// The default filter holds text back until it has looked at it, so that what was sent may stay even when the filter
/// ends the answer. The asynchronous one lets text pass and looks behind it: its verdicts come in chunks of their own,
/// without a delta and with `content_filter_offsets`, even after the finish reason, and a bad one means text that was
/// shown. Those offsets count from the beginning of the prompt as Azure lays it out, and roughly (Microsoft, "Content
/// streaming in Azure OpenAI"), so that no one here can tell which words are meant: all are withdrawn.
struct FilterVerdict: Sendable {
    /// Whether the answer's text may not be shown any longer.
    private(set) var isWithdrawn = false
    private var hasFailed = false
    private var hasBlocked = false

    /// Appends what a choice says about its own text and the text before it.
    mutating func read(_ choice: JSONDocument.Place, of object: borrowing JSONDocument, into deltas: inout [Delta]) {
        let results = object.place(at: "/content_filter_results", in: choice)
        let error = results.flatMap { object.place(at: "/error", in: $0) }
        if !hasFailed, let error, object.isObject(error) {
            hasFailed = true
            deltas.append(.flag(.init(kind: "not_filtered", detail: "")))
        }
        let endsAnswer = object.string(at: "/finish_reason", in: choice) == "content_filter"
        let looksBack = object.place(at: "/content_filter_offsets", in: choice).map { object.isObject($0) } ?? false
        guard endsAnswer || looksBack else { return }
        let categories = results.map { Self.filtered(object.value($0)) } ?? []
        guard endsAnswer || !categories.isEmpty else { return }
        if !hasBlocked {
            deltas.append(.flag(.init(kind: "content_filter", detail: categories.joined(separator: " "))))
            hasBlocked = true
        }
        if looksBack, !isWithdrawn {
            isWithdrawn = true
            deltas.append(.retract)
        }
    }

    /// The categories that were reason to block, of those that Azure documents.
    private static func filtered(_ results: JSONValue) -> [String] {
        let blocked = (results.object ?? [:]).filter { $0.value["filtered"]?.bool == true }
        return blocked.keys.map { categories.contains($0) ? $0 : "other" }.sorted()
    }

    private static let categories: Set = [
        "hate", "self_harm", "sexual", "violence", "profanity", "jailbreak", "indirect_attack",
        "protected_material_text", "protected_material_code", "custom_blocklists", "ungrounded_material",
    ]
}
