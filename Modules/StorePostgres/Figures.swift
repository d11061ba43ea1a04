import Core
import JSON
import Persistence

/// What an answer tells of itself beside its text: who gave it, what it used and cost.
struct Figures: Sendable {
    var provider: String?
    var model: String?
    var usage: Usage?
    var cost: Cost?
    var spans: [AnswerSpan] = []

    /// JSON; `nil` when there is nothing to tell.
    var text: String? {
        var members: [String: JSONValue] = [:]
        members["provider"] = provider.map(JSONValue.string)
        members["model"] = model.map(JSONValue.string)
        members["usage"] = usage?.json
        members["cost"] = cost?.json
        if !spans.isEmpty { members["spans"] = .array(spans.map(\.json)) }
        guard !members.isEmpty else { return nil }
        var writer = JSONWriter()
        writer.value(.object(members))
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// - Throws: ``StoreError/unavailable(_:)`` when the text is not what ``text`` writes.
    init(_ text: String?, of table: SealedTable, row: String) throws(StoreError) {
        guard let text else { return }
        guard let json = try? JSONValue(parsing: text), let spans = AnswerSpan.all(in: json["spans"]) else {
            throw .unavailable(
                UnreadableRow(table: table.rawValue, row: row, reason: "Its figures are not JSON of ours."))
        }
        provider = json["provider"]?.string
        model = json["model"]?.string
        usage = json["usage"].flatMap { Usage(json: $0) }
        cost = json["cost"].flatMap { Cost(json: $0) }
        self.spans = spans
    }

    init(_ message: Message) {
        provider = message.provider
        model = message.model
        usage = message.usage
        cost = message.cost
        spans = message.spans
    }

    init(_ result: StageResult) {
        provider = result.provider
        model = result.model
        usage = result.usage
        cost = result.cost
    }
}
