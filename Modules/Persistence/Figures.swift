package import Core
import JSON

/// What an answer tells of itself beside its text: who gave it, what it used and cost.
package struct Figures: Sendable {
    package var provider: String?
    package var model: String?
    package var usage: Usage?
    package var cost: Cost?
    package var spans: [AnswerSpan] = []

    /// JSON; `nil` when there is nothing to tell.
    package var text: String? {
        var members: [String: JSONValue] = [:]
        members["provider"] = provider.map(JSONValue.string)
        members["model"] = model.map(JSONValue.string)
        members["usage"] = usage?.json
        members["cost"] = cost?.json
        if !spans.isEmpty { members["spans"] = .array(spans.map(\.json)) }
        return members.isEmpty ? nil : JSONValue.object(members).jsonText
    }

    /// Reads what ``text`` writes, of a row that an error names.
    package init(_ text: String?, of table: String, row: String) throws(UnreadableRow) {
        guard let text else { return }
        guard let json = try? JSONValue(parsing: text), let spans = AnswerSpan.all(in: json["spans"]) else {
            throw UnreadableRow(table: table, row: row, reason: "Its figures are not JSON of ours.")
        }
        provider = json["provider"]?.string
        model = json["model"]?.string
        usage = json["usage"].flatMap { Usage(json: $0) }
        cost = json["cost"].flatMap { Cost(json: $0) }
        self.spans = spans
    }

    package init(_ message: Message) {
        provider = message.provider
        model = message.model
        usage = message.usage
        cost = message.cost
        spans = message.spans
    }

    package init(_ result: StageResult) {
        provider = result.provider
        model = result.model
        usage = result.usage
        cost = result.cost
    }
}
