public import Encryption

/// Why what is kept could not be opened; each tells what to do.
public enum StorageError: Error, Sendable {
    /// A folder or file of the data directory cannot be used, for the reason the system gives.
    case folder(String, String)
    /// Another server uses the data directory.
    case inUse(String)
    case keyring(KeyringError)
    /// There is data here, and the key file that it was sealed with is gone.
    case keyFileLost(String, data: String)
    /// The store cannot be opened; the sentence says why.
    case store(String)
    /// The database does not answer; the sentence says why. Trying again later can help.
    case unreachable(String)
}

extension StorageError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .folder(let path, let reason):
            "'\(path)' cannot be used: \(reason). 'data_directory' names the folder of all that is kept."
        case .inUse(let path):
            "Another medstream-server uses '\(path)'. Stop it, or give this one another 'data_directory'."
        case .keyring(let error): error.description
        case .keyFileLost(let path, let data):
            "There is no key file '\(path)', and what '\(data)' holds was sealed with it. Put it back from where you keep it; without it nothing there can be read."
        case .store(let sentence), .unreachable(let sentence): sentence
        }
    }

    /// Whether a process that is started again by itself would only fail again.
    public var isPermanent: Bool {
        if case .unreachable = self { false } else { true }
    }
}
