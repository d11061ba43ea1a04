import Arguments
import Core
import Persistence

/// `medstream users delete`: everything of one user goes.
enum UsersDelete {
    static let command: Command = Command(
        "delete", "Delete a user and everything of theirs, for good, with a receipt",
        details: """
            Deletes the account, conversations, messages, cases, results, answers to the onboarding, idempotency keys and \
            waiting jobs. The receipt says how many rows of each; asked again, it is empty. A server that runs stops and \
            forgets their streams within some 5 seconds, one that is down before it serves again. The store remembers \
            the id, the time and the counts. Backups keep what they hold: delete those, too.
            """,
        examples: [
            Command.Example("medstream users delete 019a2b3c-… --yes", "Delete them."),
            Command.Example("medstream users delete 019a2b3c-… --yes --json > receipt.json", "Keep the receipt."),
        ],
        takes: [id, yes] + Installation.parameters + [Shared.json],
        action: run)

    private static let id = Operand<Identity>("ID", "The user's id, as 'users list' prints it", expects: "a user's id")
    private static let yes = Flag("yes", "Say that it is meant: nothing brings them back")

    private struct Identity: LosslessStringConvertible {
        let user: UserID

        init?(_ description: String) {
            guard let user = UserID(description) else { return nil }
            self.user = user
        }

        var description: String { user.text }
    }

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        guard let user = arguments[id]?.user else { throw UsageError("expected the ID of a user") }
        guard arguments[yes] else {
            throw UsageError("this deletes everything of \(user) for good; give --yes if that is what you want")
        }
        return await Installation.withStorage(arguments) { storage in
            let receipt = try await storage.deleteUser(user)
            Terminal().write(arguments[Shared.json] ? json(receipt) + "\n" : text(receipt))
            return ExitCode.done
        }
    }

    private static func text(_ receipt: DeletionReceipt) -> String {
        guard !receipt.rows.isEmpty else { return "There is nothing of \(receipt.user).\n" }
        var table = Table(["table", "rows deleted"], words: 1)
        for (name, rows) in receipt.rows.sorted(by: { $0.key < $1.key }) { table.add([name, "\(rows)"]) }
        return "Deleted \(receipt.user) at \(receipt.at)\n" + table.text
    }

    private static func json(_ receipt: DeletionReceipt) -> String {
        JSONValue.object([
            "user": .string(receipt.user.text), "at": .string(receipt.at.description),
            "rows": .object(receipt.rows.mapValues { .int(Int64($0)) }),
        ]).jsonText
    }
}
