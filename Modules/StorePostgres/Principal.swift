import Core

/// In whose name a transaction reads and writes.
enum Principal: Sendable, Hashable {
    /// One user, to whom the rows of others are not there.
    case user(UserID)
    /// The product itself, where something concerns all users: care, the queue, who is alive.
    case care

    var role: String {
        switch self {
        case .user: "medstream_app"
        case .care: "medstream_operator"
        }
    }

    var user: String {
        switch self {
        case .user(let id): id.text
        case .care: ""
        }
    }
}
