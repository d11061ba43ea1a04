/// Why a journal cannot be opened or read; what to do stands in ``description``.
public enum JournalError: Error, Sendable {
    /// The file cannot be used; in SQLite's words why.
    case cannotOpen(path: String, reason: String)
    /// The file was written with another keyring.
    case wrongKey(path: String)
    /// The file was made by a newer version of the product.
    case tooNew(path: String, version: Int)
}

extension JournalError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .cannotOpen(let path, let reason):
            "The journal '\(path)' cannot be used: \(reason). Mend the disk or the permissions, or set streaming.durability: off."
        case .wrongKey(let path):
            "The journal '\(path)' was sealed with another keyring. Put the key file back, or move the journal away: answers "
                + "that were being written when the server went down then end with what the store has of them."
        case .tooNew(let path, let version):
            "The journal '\(path)' was made by a newer version (\(version)). Start that version, or move the journal away."
        }
    }
}
