import Arguments
import Core

/// `medstream users`: who there is, and how they go.
enum Users {
    static let command: Command = Command(
        "users", "List users, and delete one with everything of theirs",
        examples: [
            Command.Example("medstream users list", "Who is there?"),
            Command.Example("medstream users delete 019a2b3c-… --yes", "Delete everything of one user, for good."),
        ],
        subcommands: [UsersList.command, UsersDelete.command])
}
