import Arguments
import Core
import Persistence
import Storage

/// `medstream users list`: who has an account, or owns something.
enum UsersList {
    static let command: Command = Command(
        "list", "List users with what they own",
        details: """
            Names and addresses are printed as they are: take care where the output goes. Without an account is whoever \
            owns something without one, such as the one user of auth.mode: development.
            """,
        examples: [
            Command.Example("medstream users list", "All of them, by their ids."),
            Command.Example(
                "medstream users list --json | jq -r 'select(.email == \"ada@example.org\").id'", "Find one."),
        ],
        takes: Installation.parameters + [Shared.json],
        action: run)

    private static let pageRows = 500

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        await Installation.withStorage(arguments) { storage in
            var table = Table(["user", "name", "email", "last used", "conversations", "cases"], words: 4)
            var cursor: String?
            repeat {
                let page = try await storage.store.people(after: cursor, limit: pageRows)
                if arguments[Shared.json] { Terminal().write(page.items.map { json($0) + "\n" }.joined()) }
                for person in page.items { table.add(cells(person)) }
                cursor = page.next
            } while cursor != nil
            if !arguments[Shared.json] { Terminal().write(table.text) }
            return ExitCode.done
        }
    }

    private static func cells(_ person: Person) -> [String] {
        [
            person.id.text, person.account?.name ?? "-", person.account?.email ?? "-",
            person.lastUsed?.description ?? "-", "\(person.conversations)", "\(person.cases)",
        ]
    }

    private static func json(_ person: Person) -> String {
        JSONValue.object([
            "id": .string(person.id.text), "name": person.account.map { .string($0.name) } ?? .null,
            "email": person.account.map { .string($0.email) } ?? .null,
            "created_at": person.account.map { .string($0.createdAt.description) } ?? .null,
            "conversations": .int(Int64(person.conversations)), "cases": .int(Int64(person.cases)),
            "last_used": person.lastUsed.map { .string($0.description) } ?? .null,
        ]).jsonText
    }
}
