import Arguments
import Core
import Persistence
import Storage

/// `medstream store stats`: how much is kept.
enum StoreStats {
    static let command: Command = Command(
        "stats", "Say how many rows and bytes are kept, and how much room is left",
        details: "Rows are estimates where counting would take long.",
        examples: [
            Command.Example("medstream store stats", "By table."),
            Command.Example("medstream store stats --json | jq .bytes", "For a program."),
        ],
        takes: Installation.parameters + [Shared.json],
        action: run)

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        await Installation.withStorage(arguments) { storage in
            let facts = try await storage.store.statistics()
            Terminal().write(arguments[Shared.json] ? json(facts) + "\n" : text(facts))
            return ExitCode.done
        }
    }

    private static func text(_ facts: StoreStatistics) -> String {
        var table = Table(["table", "rows"], words: 1)
        for (name, rows) in facts.rows.sorted(by: { $0.key < $1.key }) { table.add([name, "\(rows)"]) }
        var lines = ["\(facts.bytes) bytes, of which \(facts.walBytes) in the log that is still to be moved over"]
        if let free = facts.freeBytes { lines.append("\(free) bytes are free on the disk") }
        return table.text + "\n" + lines.map { "\($0)\n" }.joined()
    }

    private static func json(_ facts: StoreStatistics) -> String {
        JSONValue.object([
            "rows": .object(facts.rows.mapValues { .int(Int64($0)) }), "bytes": .int(Int64(facts.bytes)),
            "wal_bytes": .int(Int64(facts.walBytes)),
            "free_bytes": facts.freeBytes.map { .int(Int64($0)) } ?? .null,
        ]).jsonText
    }
}
