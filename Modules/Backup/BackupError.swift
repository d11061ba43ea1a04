/// Why a backup was not made or not restored.
public enum BackupError: Error, Sendable, Hashable {
    /// The folder is to be empty, or not there yet.
    case notEmpty(path: String)
    /// There is no backup in the folder, or one that was not finished.
    case noBackup(path: String)
    /// A manifest that this version cannot use, and why.
    case notUnderstood(path: String, reason: String)
    /// A file of the backup is gone.
    case missing(file: String)
    /// A file of the backup is not what was written.
    case changed(file: String)
    /// A part could not be copied, or what was restored is not whole.
    case failed(part: String, reason: String)
    /// The system does not let a file or folder be read or written, for the reason it gives.
    case inaccessible(path: String, reason: String)
}

extension BackupError: CustomStringConvertible {
    /// What happened and what to do.
    public var description: String {
        switch self {
        case .notEmpty(let path):
            "The folder '\(path)' is not empty; nothing is ever overwritten. Name an empty or new one."
        case .noBackup(let path):
            "There is no finished backup in '\(path)': it has no \(BackupManifest.fileName), which is written last."
        case .notUnderstood(let path, let reason): "'\(path)' cannot be used: \(reason)."
        case .missing(let file): "The backup lacks its file '\(file)'. Use another backup."
        case .changed(let file):
            "The backup's file '\(file)' is not as it was written: its SHA-256 differs. Use another backup."
        case .failed(let part, let reason): "\(part): \(reason)"
        case .inaccessible(let path, let reason): "'\(path)': \(reason)."
        }
    }
}
