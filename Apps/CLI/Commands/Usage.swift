import Arguments
import Core
import Reactor
import StreamClient

/// `medstream usage`: what answers used and cost.
enum UsageCommand {
    static let command: Command = Command(
        "usage", "Add up the tokens and the cost of your answers",
        details: """
            Asks the server for the sums over your finished answers, by day unless told otherwise. Days are those of \
            UTC, and both ends are included; without --from, the last 30 days are told.

            '?' is what nobody told. Answers whose tokens nobody counted are in no sum; the column 'uncounted' says how \
            many they are, 'unpriced' how many have no price. '~' marks sums with estimates in them.
            """,
        examples: [
            Command.Example("medstream usage", "The last 30 days, day by day."),
            Command.Example("medstream usage --from 2026-03-01 --to 2026-03-31 --by model", "A month, by model."),
            Command.Example("medstream usage --by provider --by route", "Told apart by two things."),
            Command.Example("medstream usage --json | jq '.total.costs'", "Read the cost from a script."),
        ],
        takes: [from, to, by, Shared.server, Shared.json],
        action: run)

    private static let from = Option<Day>("from", "DAY", "The first day", expects: "a day such as 2026-03-01")
    private static let to = Option<Day>(
        "to", "DAY", "The last day; today without it", expects: "a day such as 2026-03-01")
    private static let by = Option<String>(
        "by", "WHAT", "What answers are told apart by", values: .oneOf(["day", "provider", "model", "route"]),
        isRepeated: true)

    /// A date that there is.
    private struct Day: LosslessStringConvertible {
        let description: String

        init?(_ description: String) {
            guard Timestamp(day: description) != nil else { return nil }
            self.description = description
        }
    }

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        let server = try Shared.server(arguments)
        let question = ChatClient.UsageQuestion(
            from: arguments[from]?.description, to: arguments[to]?.description, by: arguments.all(by))
        let terminal = Terminal()
        let loop = EventLoop()
        loop.start()
        do throws(ClientError) {
            let report = try await ChatClient(to: server, on: loop).usage(question)
            terminal.write(arguments[Shared.json] ? report.jsonText + "\n" : text(report))
            return ExitCode.done
        } catch {
            terminal.note("medstream: \(error)")
            return Session.exitCode(for: error)
        }
    }

    private static func text(_ report: JSONValue) -> String {
        let dimensions = (report["by"]?.array ?? []).compactMap(\.string)
        var table = Table(
            dimensions + ["answers", "input", "output", "reasoning", "cost", "uncounted", "unpriced"],
            words: dimensions.count)
        for row in report["rows"]?.array ?? [] {
            table.add(dimensions.map { row[$0]?.string ?? Amounts.unknown } + cells(row))
        }
        if let total = report["total"] {
            table.add(dimensions.indices.map { $0 == 0 ? "total" : "" } + cells(total))
        }
        let days = "\(report["from"]?.string ?? "") to \(report["to"]?.string ?? ""), UTC\n\n"
        return days + table.text
    }

    private static func cells(_ sums: JSONValue) -> [String] {
        let usage = sums["usage"].flatMap { Usage(json: $0) } ?? Usage()
        let costs = (sums["costs"]?.array ?? []).compactMap { Cost(json: $0) }.map(Amounts.money)
        let tokens = [usage.input, usage.output, usage.reasoning].map {
            Amounts.tokens($0, isEstimated: usage.isEstimated)
        }
        let counts = ["without_usage", "without_cost"].map { Amounts.tokens(sums[$0]?.int) }
        return [Amounts.tokens(sums["answers"]?.int)] + tokens
            + [costs.isEmpty ? Amounts.unknown : costs.joined(separator: " + ")] + counts
    }
}
