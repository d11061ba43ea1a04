import Chat
import Core
import HTTPServer
import Persistence

extension API {
    /// What answers used and cost.
    var usageOperations: [Operation] {
        let tokens = Schema.object(
            Dictionary(
                uniqueKeysWithValues: ["input", "output", "total", "reasoning", "cached_input", "cache_write"].map {
                    ($0, Schema.number)
                } + [("estimated", Schema.flag)]))
        let cost = Schema.object(
            ["micros": Schema.number, "currency": Schema.text, "estimated": Schema.flag],
            required: ["micros", "currency"])
        let sums = [
            "answers": Schema.number, "without_usage": Schema.number, "estimated": Schema.number,
            "without_cost": Schema.number, "usage": tokens, "costs": Schema.list(cost),
        ]
        let names = [
            "day": Schema.text, "provider": Schema.optionalText, "model": Schema.optionalText, "route": Schema.text,
        ]
        return [
            Operation(
                "GET", "/usage", "Read what your own answers used and cost",
                query: [
                    .optional("from", "The first day, in UTC, such as 2026-03-01; 29 days before the last by default."),
                    .optional("to", "The last day; today by default."),
                    .optional(
                        "by",
                        "What answers are told apart by: day, provider, model, route, or several of them with "
                            + "commas between; day by default."),
                ],
                answers: [
                    .json(
                        200, "Sums over finished answers, those of each kind and those of all.",
                        Schema.object(
                            [
                                "from": Schema.text, "to": Schema.text,
                                "by": Schema.list(Schema.choice(UsageReport.Dimension.allCases.map(\.rawValue))),
                                "rows": Schema.list(
                                    Schema.object(sums.merging(names) { first, _ in first }, required: Array(sums.keys))
                                ), "total": Schema.object(sums, required: Array(sums.keys)),
                            ], required: ["from", "to", "by", "rows", "total"]))
                ] + Operation.Answer.problems(422)
            ) { request in
                let report = try UsageReport(request, today: .now)
                let rows = try await chat.usage(as: user(request), on: report.days, by: report.coarse)
                return .json(report.json(of: rows).bytes, headers: ["Cache-Control": "no-store"])
            }
        ]
    }
}

/// A question for usage, and its answer.
struct UsageReport: Sendable {
    /// The first and the last day.
    let days: ClosedRange<Timestamp>
    private let dimensions: Set<Dimension>

    /// What answers are told apart by.
    enum Dimension: String, CaseIterable, LosslessStringConvertible {
        case day, provider, model, route

        init?(_ description: String) { self.init(rawValue: description) }
        var description: String { rawValue }
    }

    private static let usualDays = 30

    init(_ request: Request, today: Timestamp) throws(PlatformError) {
        let last = try Self.day("to", request) ?? Timestamp(day: today.day) ?? today
        let first = try Self.day("from", request) ?? last + .seconds(-86_400 * (Self.usualDays - 1))
        guard first <= last else {
            throw PlatformError(.invalidRequest, "'from' is after 'to'.", field: "from")
        }
        days = first...last
        let words = (request.query["by"] ?? "day").split(separator: ",", omittingEmptySubsequences: false)
        var dimensions: Set<Dimension> = []
        for word in words {
            guard let dimension = Dimension(String(word)) else {
                throw PlatformError(
                    .invalidRequest,
                    "'by' must be day, provider, model, route, or several of them with commas between.",
                    field: "by")
            }
            dimensions.insert(dimension)
        }
        self.dimensions = dimensions
    }

    private static func day(_ name: String, _ request: Request) throws(PlatformError) -> Timestamp? {
        guard let text = request.query[name] else { return nil }
        guard let day = Timestamp(day: text) else {
            throw PlatformError(.invalidRequest, "'\(name)' must be a day such as 2026-03-01.", field: name)
        }
        return day
    }

    /// What of a group is asked for.
    func coarse(_ group: UsageSum.Group) -> UsageSum.Group {
        UsageSum.Group(
            day: dimensions.contains(.day) ? group.day : nil,
            provider: dimensions.contains(.provider) ? group.provider : nil,
            model: dimensions.contains(.model) ? group.model : nil,
            stage: dimensions.contains(.route) ? group.stage : nil)
    }

    func json(of rows: [UsageSum]) -> JSONValue {
        let total = rows.grouped { _ in UsageSum.Group() }.first ?? UsageSum(UsageSum.Group())
        return [
            "from": .string(days.lowerBound.day), "to": .string(days.upperBound.day),
            "by": .array(Dimension.allCases.filter(dimensions.contains).map { .string($0.rawValue) }),
            "rows": .array(rows.map { .object(sums($0).merging(names($0.group)) { first, _ in first }) }),
            "total": .object(sums(total)),
        ]
    }

    private func names(_ group: UsageSum.Group) -> [String: JSONValue] {
        Dictionary(
            uniqueKeysWithValues: dimensions.map { dimension in
                let name =
                    switch dimension {
                    case .day: group.day
                    case .provider: group.provider
                    case .model: group.model
                    case .route: group.stage?.rawValue
                    }
                return (dimension.rawValue, .text(name))
            })
    }

    private func sums(_ sum: UsageSum) -> [String: JSONValue] {
        [
            "answers": .int(Int64(sum.answers)), "without_usage": .int(Int64(sum.withoutUsage)),
            "estimated": .int(Int64(sum.estimated)), "without_cost": .int(Int64(sum.withoutCost)),
            "usage": sum.usage.json, "costs": .array(sum.costs.map(\.json)),
        ]
    }
}
